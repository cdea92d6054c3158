"""Every write to the database, and no other module writes it.

``batches``: what a sender does. ``work``: what a worker and the sweep do. ``reviews``: what a reviewer does.
``registry``: models and tokens. Every move of a film between states is one update that names the state it
expects (and, for a worker, its attempt); nothing updated means that somebody else was first.
"""
