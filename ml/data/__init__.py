"""Data sets, their splits by patient, and duplicate pictures."""
