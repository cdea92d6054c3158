"""Decoding, from a file's bytes to the working picture."""
