"""What stands around a film: its neighbours in a list, the same bytes elsewhere, the patient's other films.

Neighbours are looked up by their keys, not by counting, so that the last film of a large batch is found as fast as
the first.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable

from screening.models import UNCERTAINTY, Film

Films = QuerySet[Film]
Keyed = QuerySet[Any]  # films with what they are sorted by, as "key"
ASCENDING = {"sent": "created_at", "name": "original_name"}  # by the names of queries.SORT_ORDERS
DESCENDING: dict[str, Combinable] = {"score": F("score"), "uncertainty": UNCERTAINTY}  # films without a score last
MOST_COUNTED = 5_000  # films; in a longer list a place is not worth its count
MOST_SHOWN = 12


def around(film: Film, films: Films, sort: str) -> tuple[Film | None, Film | None]:
    """The films before and after one in a list, which it may itself have left.

    Args:
        film: where to stand.
        films: the list, in any order.
        sort: its order, see ``queries.films_of``.
    """
    rows = films.only("original_name")
    if sort in DESCENDING:
        rows, value = rows.alias(key=DESCENDING[sort]), _value(film, sort)
        return _higher(film, rows, value), _lower(film, rows, value)
    rows, value = rows.alias(key=F(ASCENDING[sort])), _value(film, sort)
    before = rows.filter(_tied(value, pk__lt=film.pk) | Q(key__lt=value), key__lte=value)
    after = rows.filter(_tied(value, pk__gt=film.pk) | Q(key__gt=value), key__gte=value)
    return before.order_by(F("key").desc(), "-id").first(), after.order_by("key", "id").first()


def place_in(film: Film, films: Films, sort: str, total: int) -> int | None:
    """Which a film is in a list, from 1; nothing where it is not in it, or the list is long.

    Args:
        film: where to stand.
        films: the list, in any order.
        sort: its order.
        total: how many films it has.
    """
    if total > MOST_COUNTED or not films.filter(pk=film.pk).exists():
        return None
    value = _value(film, sort)
    before = _tied(value, pk__lt=film.pk)
    if sort in ASCENDING:
        before |= Q(key__lt=value)
    else:
        before |= Q(key__isnull=False) if value is None else Q(key__gt=value)
    rows = films.order_by().alias(key=DESCENDING[sort] if sort in DESCENDING else F(ASCENDING[sort]))
    return rows.filter(before).count() + 1


def twins_of(film: Film) -> Films:
    """The same bytes in other batches of the film's owner, newest first."""
    same = Film.objects.filter(sha256=film.sha256, batch__owner_id=film.batch.owner_id, stored=True)
    others = same.exclude(batch_id=film.batch_id).select_related("batch")
    return others.only("original_name", "batch__name", "state", "score", "decision").order_by("-created_at")[
        :MOST_SHOWN
    ]


def of_patient(film: Film) -> Films:
    """Other films of the patient in the batch, in the order they were sent."""
    if not film.patient:
        return Film.objects.none()
    others = Film.objects.filter(batch_id=film.batch_id, patient=film.patient, pictured=True).exclude(pk=film.pk)
    return others.order_by("created_at", "id")[:MOST_SHOWN]


def members_of(film: Film) -> Films:
    """What was in an archive, in the order it was found."""
    return film.members.order_by("created_at", "id")


def _value(film: Film, sort: str) -> Any:
    """What a film is sorted by; the same number, to the last bit, as the database has."""
    if sort == "uncertainty":
        return None if film.score is None else 0.5 - abs(film.score - 0.5)
    return film.score if sort == "score" else getattr(film, ASCENDING[sort])


def _tied(value: Any, **pk: Any) -> Q:
    return Q(**({"key__isnull": True} if value is None else {"key": value}), **pk)


def _higher(film: Film, films: Keyed, value: float | None) -> Film | None:
    tied = _tied(value, pk__lt=film.pk)
    lowest_first = (F("key").asc(nulls_first=True), "-id")
    if value is not None:
        return films.filter(tied | Q(key__gt=value), key__gte=value).order_by(*lowest_first).first()
    without = films.filter(tied).order_by("-id").first()
    return without or films.filter(key__isnull=False).order_by(*lowest_first).first()


def _lower(film: Film, films: Keyed, value: float | None) -> Film | None:
    tied = _tied(value, pk__gt=film.pk)
    if value is None:
        return films.filter(tied).order_by("id").first()
    highest_first = (F("key").desc(nulls_last=True), "id")
    lower = films.filter(tied | Q(key__lt=value), key__lte=value).order_by(*highest_first).first()
    return lower or films.filter(key__isnull=True).order_by("id").first()
