"""What another model said of the same films: moved scores and flipped decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from screening.models import Batch, Film

DECISIONS = tuple(Film.Decision.values)

# Films of the re-run beside those of the first batch with the same bytes, where both have a score.
BOTH = """
FROM screening_xray AS b
    JOIN screening_xray AS a ON a.batch_id = %(first)s AND a.sha256 = b.sha256 AND a.state = 'done'
WHERE b.batch_id = %(again)s AND b.state = 'done'
"""
# One row a pair of decisions, and one of all films, whose decisions are NULL.
SUMMARY = f"""
SELECT a.decision, b.decision, count(*),
    percentile_cont(ARRAY[0.5, 0.9, 1.0]) WITHIN GROUP (ORDER BY abs(b.score - a.score))
{BOTH} GROUP BY GROUPING SETS ((a.decision, b.decision), ())
"""
MOST_MOVED = f"""
SELECT b.id, a.score, a.decision {BOTH} AND (NOT %(flips)s OR a.decision <> b.decision)
ORDER BY abs(b.score - a.score) DESC, b.id LIMIT %(limit)s OFFSET %(offset)s
"""


@dataclass(frozen=True)
class Comparison:
    """Two models over the same films.

    Attributes:
        table: films by decision of the first model (rows) and of the second (columns), in the order of ``DECISIONS``.
        moved: median, 90th percentile and maximum of the score changes; ``None`` where no film has both.
    """

    table: tuple[tuple[int, ...], ...]
    moved: tuple[float, float, float] | None

    @property
    def films(self) -> int:
        """Films that both models scored."""
        return sum(map(sum, self.table))

    @property
    def flipped(self) -> int:
        """Films whose decision changed."""
        return self.films - sum(row[index] for index, row in enumerate(self.table))


def compare(again: Batch) -> Comparison:
    """Compare a re-run with the batch it runs again, by one grouped query.

    Args:
        again: a batch with ``rerun_of``.
    """
    rows = _joined(SUMMARY, {"first": again.rerun_of_id, "again": again.pk})
    counts = {(first, second): films for first, second, films, _ in rows}
    moved = next(quantiles for first, _, _, quantiles in rows if first is None)
    table = tuple(tuple(counts.get((first, second), 0) for second in DECISIONS) for first in DECISIONS)
    return Comparison(table, tuple(moved) if moved else None)


class MostMoved(Sequence[Film]):
    """Films of a re-run that both models scored, the most moved first; read from the database a slice at a time.

    Each has ``before``, ``before_decision`` and ``change`` besides its own fields.
    """

    def __init__(self, again: Batch, films: int, *, flips_only: bool) -> None:
        self._batches = {"first": again.rerun_of_id, "again": again.pk, "flips": flips_only}
        self._films = films

    def __len__(self) -> int:
        return self._films

    def __getitem__(self, wanted: Any) -> Any:
        if not isinstance(wanted, slice):
            return self._read(wanted, 1)[0]
        start, end, _ = wanted.indices(self._films)
        return self._read(start, max(0, end - start))

    def __iter__(self) -> Iterator[Film]:
        return iter(self._read(0, self._films))

    def _read(self, offset: int, limit: int) -> list[Any]:
        found = _joined(MOST_MOVED, {**self._batches, "offset": offset, "limit": limit})
        rows: dict[Any, Any] = Film.objects.in_bulk([film for film, _, _ in found])
        for film, before, decision in found:
            rows[film].before, rows[film].before_decision = before, decision
            rows[film].change = rows[film].score - before
        return [rows[film] for film, _, _ in found]


def most_moved(again: Batch, found: Comparison | None = None, *, flips_only: bool = False) -> MostMoved:
    """Films of a re-run that both models scored, the most moved first.

    Args:
        again: a batch with ``rerun_of``.
        found: what :func:`compare` said of it, which has the number of films.
        flips_only: only those whose decision changed.
    """
    found = found or compare(again)
    return MostMoved(again, found.flipped if flips_only else found.films, flips_only=flips_only)


def _joined(statement: str, values: dict[str, Any]) -> list[Any]:
    """Return the rows of a statement that joins the films of both batches.

    Nested loops are off: before a new batch has statistics, the planner assumes one film in it and compares every
    film with every other (20 s with 10,000 films).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, values)
        return list(cursor.fetchall())
