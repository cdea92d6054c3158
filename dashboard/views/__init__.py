"""One module a page. Reads go through ``screening.queries``, writes through ``screening.services``."""
