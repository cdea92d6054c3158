"""Queries of the reading room: waiting films, claims, readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Max, Q, QuerySet

from screening.batches.counts import FilmGroup
from screening.batches.pagination import MAX_COUNTED
from screening.models import Batch, Film, GoldCase, ReadingClaim, Review
from screening.worker.triage import FLAG_NOTE

State = Film.ReviewState

MODEL_CARD = ("batch__model__card",)


NOT_WITHDRAWN = Q(withdrawal__isnull=True) & ~Q(verdict=Review.Verdict.WITHDRAWN)  # verdicts that were not withdrawn


@dataclass(frozen=True)
class WaitingFilms:
    """Numbers of films that wait for readers.

    Attributes:
        pending: flagged films that need a reading.
        disputed: films with different verdicts, or with a request for a second opinion.
        unseen: pending films that could not be screened, so there is no picture to read.
    """

    pending: int
    disputed: int
    unseen: int

    @property
    def readable(self) -> int:
        """Number of films that the reading room can offer."""
        return max(0, self.pending - self.unseen) + self.disputed

    @property
    def more(self) -> bool:
        """True if there are more films than were counted."""
        return self.pending >= MAX_COUNTED


def count_waiting() -> WaitingFilms:
    """Count the films that wait for readers, each number up to ``MAX_COUNTED``."""
    pending = Film.objects.order_by().filter(review_state=State.PENDING)
    disputed = Film.objects.order_by().filter(review_state=State.DISPUTED)
    return WaitingFilms(
        pending=pending[:MAX_COUNTED].count(),
        disputed=disputed[:MAX_COUNTED].count(),
        unseen=pending.filter(decision="")[:MAX_COUNTED].count(),
    )


def noted_negatives(batch: Batch) -> list[FilmGroup]:
    """Return the counts of a batch's negative films that were flagged because of a note, by review state.

    They are counted from the films, by the index of flags.
    """
    films = Film.objects.filter(batch=batch, decision=Film.Decision.NEGATIVE, flags__contains=[FLAG_NOTE])
    flagged = films.exclude(review_state=State.NOT_NEEDED).order_by()
    groups = flagged.values_list("state", "decision", "review_state")
    return [FilmGroup(*group) for group in groups.annotate(count=Count("pk"), ended=Max("finished_at"))]


def review_queue(state: str = State.PENDING) -> QuerySet[Film]:
    """Return the flagged films in one review state, oldest first; by default those without a verdict."""
    return (
        Film.objects.filter(review_state=state)
        .select_related("batch__model", "batch__owner")
        .defer(*MODEL_CARD)
        .order_by("created_at", "id")
    )


def next_to_review(film: Film) -> Film | None:
    """Return the next film of the queue, or the first one after the last; ``None`` if there is no other."""
    others = review_queue().exclude(pk=film.pk)
    later = Q(created_at__gt=film.created_at) | Q(created_at=film.created_at, pk__gt=film.pk)
    return others.filter(later).first() or others.first()


def reviews_of(film: Film) -> QuerySet[Review]:
    """Return a film's verdicts, newest first. Verdicts on a gold case are left out, since they would reveal it."""
    return film.reviews.filter(gold=False).select_related("reviewer")


def valid_readings(film: Film) -> QuerySet[Review]:
    """Return the valid readings of a film, oldest first: not withdrawn and not of a gold case."""
    return film.reviews.filter(NOT_WITHDRAWN, gold=False).order_by("id")


def claims_of(reader: User) -> QuerySet[ReadingClaim]:
    """Return a reader's claims in reading order: a gold case first, then the oldest claim."""
    return ReadingClaim.objects.filter(reader=reader).order_by("-gold", "taken_at")


def claim_for(reader: User, film_id: Any) -> ReadingClaim | None:
    """Return a reader's claim on a film with film, batch and model (without its card), or ``None``."""
    claims = ReadingClaim.objects.filter(reader=reader, film_id=film_id)
    return claims.select_related("film__batch__model").defer("film__batch__model__card").first()


def count_read_since(reader: User, when: datetime) -> int:
    """Count the films a reader has read since a time."""
    return Review.objects.filter(NOT_WITHDRAWN, reviewer=reader, created_at__gte=when).count()


def gold_cases() -> QuerySet[GoldCase]:
    """Return the gold cases. For staff only."""
    return GoldCase.objects.select_related("film", "added_by")
