"""One module a page. Reads go through ``screening.batches.queries``, writes through the services."""
