"""Training and bundle of the reference network."""
