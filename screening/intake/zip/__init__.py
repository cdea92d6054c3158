"""Reading of untrusted ZIP archives."""
