"""Films related to a film: neighbours in a list, the same bytes in other batches, the patient's other films.

Neighbours are found by their sort keys, not by counting, so that the last film of a large batch is found as fast as
the first.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable

from screening.models import UNCERTAINTY, Film

Films = QuerySet[Film]
Keyed = QuerySet[Any]  # films with their sort value as "key"
ASCENDING = {"sent": "created_at", "name": "original_name"}  # by the names of queries.SORT_ORDERS
DESCENDING: dict[str, Combinable] = {"score": F("score"), "uncertainty": UNCERTAINTY}  # films without a score last
MAX_COUNTED = 5_000  # films; in a longer list the position is not counted, which would be slow
MAX_SHOWN = 12  # films


def adjacent_films(film: Film, films: Films, sort: str) -> tuple[Film | None, Film | None]:
    """Return the films before and after a film in a list. The film itself need not be in the list any more.

    Args:
        film: the film.
        films: the list, in any order.
        sort: the order of the list, see ``queries.films_of``.
    """
    rows = films.only("original_name")
    if sort in DESCENDING:
        rows, value = rows.alias(key=DESCENDING[sort]), _sort_value(film, sort)
        return _next_higher(film, rows, value), _next_lower(film, rows, value)
    rows, value = rows.alias(key=F(ASCENDING[sort])), _sort_value(film, sort)
    before = rows.filter(_equal_key(value, pk__lt=film.pk) | Q(key__lt=value), key__lte=value)
    after = rows.filter(_equal_key(value, pk__gt=film.pk) | Q(key__gt=value), key__gte=value)
    return before.order_by(F("key").desc(), "-id").first(), after.order_by("key", "id").first()


def position_in(film: Film, films: Films, sort: str, total: int) -> int | None:
    """Return a film's position in a list, from 1; ``None`` where it is not in the list or the list is long.

    Args:
        film: the film.
        films: the list, in any order.
        sort: the order of the list.
        total: the number of films in the list.
    """
    if total > MAX_COUNTED or not films.filter(pk=film.pk).exists():
        return None
    value = _sort_value(film, sort)
    before = _equal_key(value, pk__lt=film.pk)
    if sort in ASCENDING:
        before |= Q(key__lt=value)
    else:
        before |= Q(key__isnull=False) if value is None else Q(key__gt=value)
    rows = films.order_by().alias(key=DESCENDING[sort] if sort in DESCENDING else F(ASCENDING[sort]))
    return rows.filter(before).count() + 1


def copies_in_other_batches(film: Film) -> Films:
    """Return films with the same bytes in other batches of the film's owner, newest first."""
    same = Film.objects.filter(sha256=film.sha256, batch__owner_id=film.batch.owner_id, stored=True)
    others = same.exclude(batch_id=film.batch_id).select_related("batch")
    return others.only("original_name", "batch__name", "state", "score", "decision").order_by("-created_at")[
        :MAX_SHOWN
    ]


def films_of_patient(film: Film) -> Films:
    """Return the patient's other films in the batch, in the order they were sent."""
    if not film.patient:
        return Film.objects.none()
    others = Film.objects.filter(batch_id=film.batch_id, patient=film.patient, pictured=True).exclude(pk=film.pk)
    return others.order_by("created_at", "id")[:MAX_SHOWN]


def members_of(film: Film) -> Films:
    """Return the rows of an archive's files, in the order they were unpacked."""
    return film.members.order_by("created_at", "id")


def _sort_value(film: Film, sort: str) -> Any:
    """Return a film's sort value, equal to the last bit to the one that the database computes."""
    if sort == "uncertainty":
        return None if film.score is None else 0.5 - abs(film.score - 0.5)
    return film.score if sort == "score" else getattr(film, ASCENDING[sort])


def _equal_key(value: Any, **pk: Any) -> Q:
    return Q(**({"key__isnull": True} if value is None else {"key": value}), **pk)


def _next_higher(film: Film, films: Keyed, value: float | None) -> Film | None:
    tied = _equal_key(value, pk__lt=film.pk)
    lowest_first = (F("key").asc(nulls_first=True), "-id")
    if value is not None:
        return films.filter(tied | Q(key__gt=value), key__gte=value).order_by(*lowest_first).first()
    without = films.filter(tied).order_by("-id").first()
    return without or films.filter(key__isnull=False).order_by(*lowest_first).first()


def _next_lower(film: Film, films: Keyed, value: float | None) -> Film | None:
    tied = _equal_key(value, pk__gt=film.pk)
    if value is None:
        return films.filter(tied).order_by("id").first()
    highest_first = (F("key").desc(nulls_last=True), "id")
    lower = films.filter(tied | Q(key__lt=value), key__lte=value).order_by(*highest_first).first()
    return lower or films.filter(key__isnull=True).order_by("id").first()
