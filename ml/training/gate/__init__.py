"""Training of the quality gate."""
