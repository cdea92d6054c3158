"""What the reading room reads: who may, what waits, who holds what, what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from screening.batches.pagination import COUNTED_AT_MOST
from screening.models import Film, GoldCase, ReadingClaim, Review

State = Film.ReviewState

WITHOUT_CARD = ("batch__model__card",)


STANDS = Q(withdrawal__isnull=True) & ~Q(verdict=Review.Verdict.WITHDRAWN)  # verdicts that nobody took back


@dataclass(frozen=True)
class Waiting:
    """Films that wait for readers.

    Attributes:
        pending: flagged films that need a reader.
        disputed: films about which readers differ, or one asked for a second opinion.
        unseen: of the pending ones those that could not be screened; there is no picture to read.
    """

    pending: int
    disputed: int
    unseen: int

    @property
    def readable(self) -> int:
        """Films for the reading room."""
        return max(0, self.pending - self.unseen) + self.disputed

    @property
    def more(self) -> bool:
        """Whether there are more than were counted."""
        return self.pending >= COUNTED_AT_MOST


def waiting() -> Waiting:
    """Count the films that wait for readers, each kind up to ``COUNTED_AT_MOST``."""
    pending = Film.objects.order_by().filter(review_state=State.PENDING)
    disputed = Film.objects.order_by().filter(review_state=State.DISPUTED)
    return Waiting(
        pending=pending[:COUNTED_AT_MOST].count(),
        disputed=disputed[:COUNTED_AT_MOST].count(),
        unseen=pending.filter(decision="")[:COUNTED_AT_MOST].count(),
    )


def review_queue(state: str = State.PENDING) -> QuerySet[Film]:
    """Flagged films in one state of review, oldest first; by default those without a verdict. For reviewers only."""
    return (
        Film.objects.filter(review_state=state)
        .select_related("batch__model", "batch__owner")
        .defer(*WITHOUT_CARD)
        .order_by("created_at", "id")
    )


def next_to_review(film: Film) -> Film | None:
    """The film that follows this one in the queue, or the queue's first when this was the last."""
    others = review_queue().exclude(pk=film.pk)
    later = Q(created_at__gt=film.created_at) | Q(created_at=film.created_at, pk__gt=film.pk)
    return others.filter(later).first() or others.first()


def reviews_of(film: Film) -> QuerySet[Review]:
    """The verdicts on a film, newest first; not those on a hidden gold case, or a look would tell that it is one."""
    return film.reviews.filter(gold=False).select_related("reviewer")


def standing(film: Film) -> QuerySet[Review]:
    """The readings of a film that count, oldest first."""
    return film.reviews.filter(STANDS, gold=False).order_by("id")


def claims_of(reader: User) -> QuerySet[ReadingClaim]:
    """The films a reader holds, the one to read next first: a gold case, then the one taken first."""
    return ReadingClaim.objects.filter(reader=reader).order_by("-gold", "taken_at")


def claim_for(reader: User, film_id: Any) -> ReadingClaim | None:
    """A reader's claim on a film, with the film, its batch and its model, but for the card."""
    claims = ReadingClaim.objects.filter(reader=reader, film_id=film_id)
    return claims.select_related("film__batch__model").defer("film__batch__model__card").first()


def read_since(reader: User, when: datetime) -> int:
    """Films a reader has read since then."""
    return Review.objects.filter(STANDS, reviewer=reader, created_at__gte=when).count()


def gold_cases() -> QuerySet[GoldCase]:
    """The hidden cases. For staff only."""
    return GoldCase.objects.select_related("film", "added_by")
