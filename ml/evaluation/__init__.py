"""Measurements of a model on data sets, and its card."""
