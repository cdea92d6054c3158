"""Storage of films, and delivery of their pictures."""
