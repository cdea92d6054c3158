"""A file's way into a batch: inspection, cleaning, storage, row."""
