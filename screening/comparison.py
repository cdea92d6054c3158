"""What another model said of the same films: moved scores and flipped decisions."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Abs

from screening.models import Batch, XRay

DECISIONS = tuple(XRay.Decision.values)

# A film of the re-run and the one of the first batch with the same bytes; both have a score.
SUMMARY = """
SELECT a.decision, b.decision, count(*)
FROM screening_xray AS b
    JOIN screening_xray AS a ON a.batch_id = %(first)s AND a.sha256 = b.sha256 AND a.state = 'done'
WHERE b.batch_id = %(again)s AND b.state = 'done'
GROUP BY a.decision, b.decision
"""
QUANTILES = """
SELECT percentile_cont(ARRAY[0.5, 0.9, 1.0]) WITHIN GROUP (ORDER BY abs(b.score - a.score))
FROM screening_xray AS b
    JOIN screening_xray AS a ON a.batch_id = %(first)s AND a.sha256 = b.sha256 AND a.state = 'done'
WHERE b.batch_id = %(again)s AND b.state = 'done'
"""


@dataclass(frozen=True)
class Comparison:
    """Two models over the same films.

    Attributes:
        table: films by decision of the first model (rows) and of the second (columns), in the order of ``DECISIONS``.
        moved: median, 90th percentile and maximum of \\|Δ score\\|; ``None`` where no film has both.
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
    """Compare a re-run with the batch it runs again, by two grouped queries.

    Args:
        again: a batch with ``rerun_of``.
    """
    batches = {"first": again.rerun_of_id, "again": again.pk}
    with connection.cursor() as cursor:
        cursor.execute(SUMMARY, batches)
        counts = {(first, second): films for first, second, films in cursor.fetchall()}
        cursor.execute(QUANTILES, batches)
        (moved,) = cursor.fetchone()
    table = tuple(tuple(counts.get((first, second), 0) for second in DECISIONS) for first in DECISIONS)
    return Comparison(table, tuple(moved) if moved else None)


def most_moved(again: Batch, *, flips_only: bool = False) -> QuerySet[XRay]:
    """Films of a re-run that both models scored, the most moved first, with ``before`` and ``before_decision``.

    Args:
        again: a batch with ``rerun_of``.
        flips_only: only those whose decision changed.
    """
    before = XRay.objects.filter(batch__reruns=again, sha256=OuterRef("sha256"), state=XRay.State.DONE)
    films = (
        XRay.objects.filter(batch=again, state=XRay.State.DONE)
        .annotate(
            before=Subquery(before.values("score")[:1]), before_decision=Subquery(before.values("decision")[:1])
        )
        .filter(before__isnull=False)
        .annotate(change=F("score") - F("before"))
        .order_by(Abs("change").desc(), "id")
    )
    return films.exclude(decision=F("before_decision")) if flips_only else films
