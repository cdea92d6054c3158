"""Batches of films: their services, queries, counts and comparison."""
