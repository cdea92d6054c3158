"""The domain: batches of films, their screening and their review. The only writer of the database."""
