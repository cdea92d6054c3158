"""Comparison of two models over the same films: changed scores and changed decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from screening.models import Batch, Film

DECISIONS = tuple(Film.Decision.values)

# Films of the re-run joined with those of the first batch that have the same bytes, where both have a score.
PAIRED_FILMS = """
FROM screening_xray AS b
    JOIN screening_xray AS a ON a.batch_id = %(first)s AND a.sha256 = b.sha256 AND a.state = 'done'
WHERE b.batch_id = %(again)s AND b.state = 'done'
"""
# One row for each pair of decisions, and one for all films, whose decisions are NULL.
SUMMARY = f"""
SELECT a.decision, b.decision, count(*),
    percentile_cont(ARRAY[0.5, 0.9, 1.0]) WITHIN GROUP (ORDER BY abs(b.score - a.score))
{PAIRED_FILMS} GROUP BY GROUPING SETS ((a.decision, b.decision), ())
"""
LARGEST_CHANGES = f"""
SELECT b.id, a.score, a.decision {PAIRED_FILMS} AND (NOT %(flips)s OR a.decision <> b.decision)
ORDER BY abs(b.score - a.score) DESC, b.id LIMIT %(limit)s OFFSET %(offset)s
"""


@dataclass(frozen=True)
class ModelComparison:
    """The results of two models over the same films.

    Attributes:
        table: films by decision of the first model (rows) and of the second (columns), in the order of ``DECISIONS``.
        moved: median, 90th percentile and maximum of the absolute score change; ``None`` without such films.
    """

    table: tuple[tuple[int, ...], ...]
    moved: tuple[float, float, float] | None

    @property
    def films(self) -> int:
        """The number of films that both models scored."""
        return sum(map(sum, self.table))

    @property
    def flipped(self) -> int:
        """The number of films whose decision changed."""
        return self.films - sum(row[index] for index, row in enumerate(self.table))


def compare_models(rerun: Batch) -> ModelComparison:
    """Compare a re-run with its first batch, by one grouped query.

    Args:
        rerun: a batch with ``rerun_of``.
    """
    rows = _fetch_pairs(SUMMARY, {"first": rerun.rerun_of_id, "again": rerun.pk})
    counts = {(first, second): films for first, second, films, _ in rows}
    moved = next(quantiles for first, _, _, quantiles in rows if first is None)
    table = tuple(tuple(counts.get((first, second), 0) for second in DECISIONS) for first in DECISIONS)
    return ModelComparison(table, tuple(moved) if moved else None)


class LargestScoreChanges(Sequence[Film]):
    """Films of a re-run that both models scored, by the size of the change; read from the database in slices.

    Each film has the attributes ``before``, ``before_decision`` and ``change`` besides its fields.
    """

    def __init__(self, rerun: Batch, films: int, *, flips_only: bool) -> None:
        self._batches = {"first": rerun.rerun_of_id, "again": rerun.pk, "flips": flips_only}
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
        found = _fetch_pairs(LARGEST_CHANGES, {**self._batches, "offset": offset, "limit": limit})
        rows: dict[Any, Any] = Film.objects.in_bulk([film for film, _, _ in found])
        for film, before, decision in found:
            rows[film].before, rows[film].before_decision = before, decision
            rows[film].change = rows[film].score - before
        return [rows[film] for film, _, _ in found]


def largest_score_changes(
    rerun: Batch, found: ModelComparison | None = None, *, flips_only: bool = False
) -> LargestScoreChanges:
    """Return the films of a re-run that both models scored, by the size of the change.

    Args:
        rerun: a batch with ``rerun_of``.
        found: the result of :func:`compare_models`, which has the number of films.
        flips_only: only films whose decision changed.
    """
    found = found or compare_models(rerun)
    return LargestScoreChanges(rerun, found.flipped if flips_only else found.films, flips_only=flips_only)


def _fetch_pairs(statement: str, values: dict[str, Any]) -> list[Any]:
    """Run a statement over both batches with a hash join, and return its rows.

    Before a new batch has statistics, the planner expects one film in it and would compare every film with every
    other one (20 s with 10,000 films).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, values)
        return list(cursor.fetchall())
