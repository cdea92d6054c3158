"""Drawn chest films for tests and the sample study."""
