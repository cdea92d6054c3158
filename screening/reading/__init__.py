"""The reading room: claims, verdicts, gold cases and their figures."""
