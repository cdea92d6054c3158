"""The working picture in, a result out; all that serves."""
