"""How readers read: pace, agreement with the model and with each other, hidden gold cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Aggregate, Count, F, FloatField, Max, Q, QuerySet, Sum, Value
from django.db.models.functions import Least

from ml.statistics.agreement import Kappa, cohen_kappa
from ml.statistics.metrics import wilson_interval
from screening.models import Film, Review
from screening.reading.queries import STANDS

Verdict, Decision = Review.Verdict, Film.Decision

CALLS = ("positive", "negative", "unreadable")

# Every pair of readings of a film that two readers gave without seeing each other's, the earlier one first; with a
# parameter only those one of them has a part in.
_PAIRS = """
SELECT one.reviewer_id, other.reviewer_id, one.call, other.call, count(*)
FROM readings AS one JOIN readings AS other ON other.film_id = one.film_id AND other.id > one.id
WHERE one.reviewer_id <> other.reviewer_id AND %(reader)s IN (0, one.reviewer_id, other.reviewer_id)
GROUP BY 1, 2, 3, 4
"""
_READINGS = """
WITH readings AS MATERIALIZED (
    SELECT given.id, given.film_id, given.reviewer_id,
        CASE given.verdict WHEN 'unreadable' THEN 'unreadable' ELSE given.finding END AS call
    FROM screening_review AS given
    WHERE given.seconds IS NOT NULL AND NOT given.gold AND NOT given.final
        AND (given.verdict = 'unreadable' OR given.finding <> '')
        AND NOT EXISTS (SELECT FROM screening_review AS back WHERE back.withdraws_id = given.id)
        AND (%(reader)s = 0 OR EXISTS (
            SELECT FROM screening_review AS mine WHERE mine.film_id = given.film_id AND mine.reviewer_id = %(reader)s
        ))
)
"""
NOBODY = 0


class Median(Aggregate):
    """The median, interpolated."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Share:
    """So many of so many, with its 95 % interval (Wilson)."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """0..1."""
        return self.part / self.whole

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return wilson_interval(self.part, self.whole)

    def __bool__(self) -> bool:
        return self.whole > 0


@dataclass(frozen=True)
class Figures:
    """One reader's figures. What rests on no film is ``None`` or false.

    Attributes:
        reader: their name.
        films: films read in the reading room, hidden cases among them.
        last: when the last one was.
        films_an_hour: by the time films were on the screen; no film counts for longer than a claim lasts.
        median_seconds: from the film on the screen to the verdict.
        second_opinions: films they asked for one.
        unreadable: films they called so.
        blinded: agreement with the model's decision where it was hidden; films it was sure of only.
        in_sight: the same where it was not.
        doubles: agreement with the other reader of films that two read, neither knowing what the other said.
        gold: hidden cases called right, of those called positive or negative.
    """

    reader: str
    films: int
    last: datetime
    films_an_hour: float | None
    median_seconds: float | None
    second_opinions: int
    unreadable: int
    blinded: Share
    in_sight: Share
    gold: Share
    doubles: Kappa | None = field(default=None)


def figures_of(reader: User, *, compared_until: datetime) -> Figures | None:
    """A reader's own figures; ``None`` before the first film.

    Args:
        reader: who asks.
        compared_until: of what was read from then on, nothing is compared with the model or the truth. Hidden cases
            are no part of the agreement with the model; a figure that changed at once would tell which film was one.
    """
    found = _figures(Q(reviewer=reader), Q(created_at__lt=compared_until), reader.pk)
    return found[0] if found else None


def all_figures() -> list[Figures]:
    """Every reader's figures, by name. For staff only."""
    return _figures(Q(), Q())


def agreement_of_all() -> Kappa | None:
    """Agreement of all films that two read, the first reader against the second."""
    table = _empty()
    for _, _, first, second, films in _pairs():
        table[CALLS.index(first)][CALLS.index(second)] += films
    return cohen_kappa(table)


def _figures(who: Q, compared: Q, reader: int = NOBODY) -> list[Figures]:
    rows: Any = (
        _read()
        .filter(who)
        .values("reviewer", name=F("reviewer__username"))
        .annotate(**_counts(compared))
        .order_by("name")
    )
    tables = _tables(reader)
    return [
        Figures(
            reader=row["name"],
            films=row["films"],
            last=row["last"],
            films_an_hour=3600 * row["films"] / row["total"] if row["total"] else None,
            median_seconds=row["median"],
            second_opinions=row["asked"],
            unreadable=row["unreadable"],
            blinded=Share(row["blinded_same"], row["blinded_all"]),
            in_sight=Share(row["in_sight_same"], row["in_sight_all"]),
            gold=Share(row["gold_right"], row["gold_all"]),
            doubles=cohen_kappa(tables[row["reviewer"]]) if row["reviewer"] in tables else None,
        )
        for row in rows
    ]


def _read() -> QuerySet[Review]:
    """What was read in the reading room and not withdrawn."""
    return Review.objects.filter(STANDS, seconds__isnull=False)


def _counts(compared: Q) -> dict[str, Any]:
    gold = compared & Q(gold=True)
    sure = compared & Q(
        gold=False, decision__in=[Decision.POSITIVE, Decision.NEGATIVE], verdict__in=["confirmed", "overturned"]
    )
    same = sure & Q(verdict=Verdict.CONFIRMED)
    longest = Value(float(settings.READING_CLAIM_SECONDS))
    return {
        "films": Count("pk"),
        "last": Max("created_at"),
        "total": Sum(Least("seconds", longest)),
        "median": Median("seconds"),
        "asked": Count("pk", filter=Q(verdict=Verdict.SECOND_OPINION)),
        "unreadable": Count("pk", filter=Q(verdict=Verdict.UNREADABLE)),
        "blinded_same": Count("pk", filter=same & Q(blinded=True)),
        "blinded_all": Count("pk", filter=sure & Q(blinded=True)),
        "in_sight_same": Count("pk", filter=same & Q(blinded=False)),
        "in_sight_all": Count("pk", filter=sure & Q(blinded=False)),
        "gold_right": Count("pk", filter=gold & Q(finding=F("film__gold_case__truth"))),
        "gold_all": Count("pk", filter=gold & ~Q(finding="") & Q(film__gold_case__isnull=False)),
    }


def _pairs(reader: int = NOBODY) -> list[tuple[int, int, str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_READINGS + _PAIRS, {"reader": reader})
        return list(cursor.fetchall())


def _tables(reader: int) -> Mapping[int, list[list[int]]]:
    """For every reader the films another reader has read as well: rows what they said, columns what the other did."""
    tables: dict[int, list[list[int]]] = defaultdict(_empty)
    for one, other, said, other_said, films in _pairs(reader):
        tables[one][CALLS.index(said)][CALLS.index(other_said)] += films
        tables[other][CALLS.index(other_said)][CALLS.index(said)] += films
    return tables


def _empty() -> list[list[int]]:
    return [[0] * len(CALLS) for _ in CALLS]
