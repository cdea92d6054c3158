"""Batches of films: services, queries, counts and comparison."""
