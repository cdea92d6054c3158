"""Checks of rows, stored files and counts of a running installation."""
