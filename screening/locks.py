"""Database locks for commands that several machines may start at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

# Any 32-bit number that no other program uses for locks in this database.
LOCK_NAMESPACE = 0x5C4EE4
MIGRATE_LOCK, START_LOCK = 1, 2
POLL_SECONDS = 0.25


@contextmanager
def session_lock(number: int, alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Hold a lock on a connection of its own, across any number of transactions.

    It polls instead of waiting in the database: a waiting statement keeps its snapshot, and ``CREATE INDEX
    CONCURRENTLY`` of the lock's holder would wait for that snapshot for ever. A process that dies loses its lock with
    its connection. Needs PostgreSQL without a pooler that shares a session between clients.

    Args:
        number: the lock.
        alias: the database.
    """
    with closing(connections[alias].copy()) as lock_connection, lock_connection.cursor() as cursor:
        while not _try_lock(cursor, number):
            time.sleep(POLL_SECONDS)
        yield


@contextmanager
def transaction_lock(number: int) -> Iterator[None]:
    """Hold a lock for one transaction on the default database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_NAMESPACE, number])
        yield


def _try_lock(cursor: CursorWrapper, number: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_NAMESPACE, number])
    return bool(cursor.fetchone() == (True,))
