"""What the invariants report, and how they read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction


@dataclass(frozen=True)
class Violation:
    """Something that must not be.

    Attributes:
        code: which rule, stable.
        subject: the film's or batch's key, or the file's name in the storage.
        sentence: what is wrong.
    """

    code: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.sentence}"


@dataclass
class Tally:
    """How much was looked at, filled while :func:`violations` runs."""

    batches: int = 0
    films: int = 0
    files: int = 0
    young_orphans: int = 0


@contextmanager
def snapshot() -> Iterator[None]:
    """Two reads of one moment. Within a transaction that has begun (a test's) there is nothing to choose."""
    begun = connection.in_atomic_block
    with transaction.atomic():
        if not begun:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
