"""Settings, the application servers' entry points, and what is derived from the machine."""
