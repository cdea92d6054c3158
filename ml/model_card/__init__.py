"""The model card: its schema, and the strict reading and writing of ``card.json``. Imports no framework."""
