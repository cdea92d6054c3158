"""Reader statistics: pace, agreement with the model and with each other, gold cases."""

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
from ml.statistics.estimate import Estimate, wilson_estimate
from screening.models import Film, Review
from screening.reading.queries import NOT_WITHDRAWN

Verdict, Decision = Review.Verdict, Film.Decision

ANSWERS = ("positive", "negative", "unreadable")

# All pairs of independent readings of a film, the earlier one first; with a reader's key only that reader's pairs.
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
ALL_READERS = 0


class Median(Aggregate):
    """The interpolated median of a column."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class ReaderFigures:
    """One reader's figures. A figure without films is ``None``.

    Attributes:
        reader: the user name.
        films: films read in the reading room, including gold cases.
        last: time of the last verdict.
        films_an_hour: by the time films were on the screen; a film counts at most the time limit of a claim.
        median_seconds: from the film on the screen to the verdict.
        second_opinions: films with a request for a second opinion.
        unreadable: films called unreadable.
        blinded: agreement with the model's decision where it was hidden; positive and negative films only.
        in_sight: the same where it was shown.
        doubles: agreement with the other reader on films that two read independently.
        gold: gold cases called right, of those called positive or negative.
    """

    reader: str
    films: int
    last: datetime
    films_an_hour: float | None
    median_seconds: float | None
    second_opinions: int
    unreadable: int
    blinded: Estimate | None
    in_sight: Estimate | None
    gold: Estimate | None
    doubles: Kappa | None = field(default=None)


def reader_figures(reader: User, *, compared_until: datetime) -> ReaderFigures | None:
    """Return a reader's own figures; ``None`` before the first film.

    Args:
        reader: the reader.
        compared_until: readings from this time on are not compared with the model or the truth. Gold cases are left
            out of the agreement with the model; a figure that changes at once would reveal them.
    """
    found = _figures(Q(reviewer=reader), Q(created_at__lt=compared_until), reader.pk)
    return found[0] if found else None


def all_reader_figures() -> list[ReaderFigures]:
    """Return the figures of all readers, by name. For staff only."""
    return _figures(Q(), Q())


def agreement_of_all_readers() -> Kappa | None:
    """Return the agreement on all films that two readers read, the first against the second."""
    table = _empty_table()
    for _, _, first, second, films in _pairs_of_readings():
        table[ANSWERS.index(first)][ANSWERS.index(second)] += films
    return cohen_kappa(table)


def _figures(who: Q, compared: Q, reader: int = ALL_READERS) -> list[ReaderFigures]:
    rows: Any = (
        _readings()
        .filter(who)
        .values("reviewer", name=F("reviewer__username"))
        .annotate(**_aggregates(compared))
        .order_by("name")
    )
    tables = _tables(reader)
    return [
        ReaderFigures(
            reader=row["name"],
            films=row["films"],
            last=row["last"],
            films_an_hour=3600 * row["films"] / row["total"] if row["total"] else None,
            median_seconds=row["median"],
            second_opinions=row["asked"],
            unreadable=row["unreadable"],
            blinded=wilson_estimate(row["blinded_same"], row["blinded_all"]),
            in_sight=wilson_estimate(row["in_sight_same"], row["in_sight_all"]),
            gold=wilson_estimate(row["gold_right"], row["gold_all"]),
            doubles=cohen_kappa(tables[row["reviewer"]]) if row["reviewer"] in tables else None,
        )
        for row in rows
    ]


def _readings() -> QuerySet[Review]:
    """Return the verdicts of the reading room that were not withdrawn."""
    return Review.objects.filter(NOT_WITHDRAWN, seconds__isnull=False)


def _aggregates(compared: Q) -> dict[str, Any]:
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


def _pairs_of_readings(reader: int = ALL_READERS) -> list[tuple[int, int, str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_READINGS + _PAIRS, {"reader": reader})
        return list(cursor.fetchall())


def _tables(reader: int) -> Mapping[int, list[list[int]]]:
    """Return for each reader the table of films read by two: rows their answers, columns the other reader's."""
    tables: dict[int, list[list[int]]] = defaultdict(_empty_table)
    for reader_id, other_id, answer, other_answer, films in _pairs_of_readings(reader):
        tables[reader_id][ANSWERS.index(answer)][ANSWERS.index(other_answer)] += films
        tables[other_id][ANSWERS.index(other_answer)][ANSWERS.index(answer)] += films
    return tables


def _empty_table() -> list[list[int]]:
    return [[0] * len(ANSWERS) for _ in ANSWERS]
