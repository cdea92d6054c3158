"""Bytes of a file in, the working picture out."""
