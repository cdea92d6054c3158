"""The reading room: claims, verdicts, gold cases and reader statistics."""
