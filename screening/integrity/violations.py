"""Violations of invariants, and the snapshot in which rows are compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction


@dataclass(frozen=True)
class Violation:
    """A violated invariant.

    Attributes:
        code: the rule's stable code.
        subject: the film's or batch's key, or the file's name in the storage.
        sentence: what is wrong.
    """

    code: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.sentence}"


@dataclass
class CheckedCounts:
    """Numbers of what was checked, filled while ``find_violations`` runs."""

    batches: int = 0
    films: int = 0
    files: int = 0
    young_orphans: int = 0


@contextmanager
def snapshot() -> Iterator[None]:
    """Run the queries inside on one snapshot of the database, unless a transaction has already begun (in tests)."""
    begun = connection.in_atomic_block
    with transaction.atomic():
        if not begun:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
