"""Counts of a batch's films by state and decision, from the rows that database triggers maintain (``FilmCount``).

Reading them costs the same for 1,000 films and for 100,000; ``check_invariants`` compares them with the films.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Sum

from screening.models import FilmCount


@dataclass(frozen=True)
class FilmGroup:
    """The number of a batch's films with the same states, and the time when the latest of them ended."""

    state: str
    decision: str
    review_state: str
    films: int
    last: datetime | None


def film_groups(batch: UUID) -> list[FilmGroup]:
    """Return the counts of a batch's films by state, decision and review state."""
    parts = FilmCount.objects.filter(batch=batch).order_by()
    groups = parts.values_list("state", "decision", "review_state")
    return [FilmGroup(*group) for group in groups.annotate(count=Sum("films"), ended=Max("last")).filter(count__gt=0)]


def count_by_bin(batch: UUID) -> dict[int, int]:
    """Return the counts of screened films by bin of the histogram; bins without films are left out."""
    bins = FilmCount.objects.filter(batch=batch, bin__gte=0).order_by().values("bin").annotate(count=Sum("films"))
    return {row["bin"]: row["count"] for row in bins}


def count_films(batch: UUID, *, state: str = "", decision: str = "", bar: str = "") -> int:
    """Return the number of films in the list of :func:`screening.batches.queries.films_of`."""
    wanted = {"state": state, "decision": decision, "bin": bar}
    parts = FilmCount.objects.filter(batch=batch, **{name: value for name, value in wanted.items() if value})
    return parts.aggregate(films=Sum("films"))["films"] or 0
