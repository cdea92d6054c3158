"""Locks of the database, for commands that several machines may start at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

# Any two numbers of 32 bits do, as long as nothing else that uses this database takes them.
SPACE = 0x5C4EE4
MIGRATE, START = 1, 2
LOOK_EVERY = 0.25  # seconds


@contextmanager
def session_lock(number: int, alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Hold a lock over a connection of its own, across any number of transactions.

    It asks again and again instead of waiting inside the database: a statement that waits keeps its snapshot, and
    ``CREATE INDEX CONCURRENTLY`` of the holder would wait for that snapshot for ever. A process that dies loses its
    lock with its connection. Needs PostgreSQL without a pooler that hands a session on between transactions.
    """
    with closing(connections[alias].copy()) as own, own.cursor() as cursor:
        while not _taken(cursor, number):
            time.sleep(LOOK_EVERY)
        yield


@contextmanager
def transaction_lock(number: int) -> Iterator[None]:
    """Hold a lock for the length of one transaction of the default database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SPACE, number])
        yield


def _taken(cursor: CursorWrapper, number: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [SPACE, number])
    return bool(cursor.fetchone() == (True,))
