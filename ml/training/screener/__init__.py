"""Training and bundle of the screener."""
