"""Checks of a running installation against its own rules."""
