"""Metrics, calibration and tests, without any model."""
