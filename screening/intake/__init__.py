"""Intake of uploaded files: inspection, de-identification, storage and the film's row."""
