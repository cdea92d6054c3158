"""ZIP archives, read without trusting them."""
