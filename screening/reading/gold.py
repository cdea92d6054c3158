"""Hidden gold cases: films with a known truth."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from screening.codes import reading_codes
from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, GoldCase, Review
from screening.reading import reviews, rules

MAX_NOTE_LENGTH = 400  # characters
WAITING_STATES = (Film.ReviewState.PENDING, Film.ReviewState.DISPUTED)


def add_gold_case(*, film: Film, truth: str, added_by: User, note: str = "") -> GoldCase:
    """Add a gold case, which every reader is offered once. The truth is the verdict of a film that still waits.

    Args:
        film: a screened film.
        truth: ``positive`` or ``negative``.
        added_by: a member of staff; they are not offered this case.
        note: the evidence for the truth.

    Raises:
        ScreeningError: ``truth_unknown``, ``note_too_long``, ``not_screened`` or ``gold_already``.
        NotFoundError: ``added_by`` is not staff.
    """
    if not added_by.is_staff:
        raise NotFoundError("film")
    if truth not in Review.Finding.values:
        raise ScreeningError(reading_codes.TRUTH_UNKNOWN)
    if len(note) > MAX_NOTE_LENGTH:
        raise ScreeningError(reading_codes.GOLD_NOTE_TOO_LONG, most=MAX_NOTE_LENGTH)
    with transaction.atomic():
        current = reviews.lock_film(film.pk)
        if not current.pictured or not current.decision:
            raise ScreeningError(reading_codes.NOT_SCREENED, film=current)
        if GoldCase.objects.filter(film=current).exists():
            raise ScreeningError(reading_codes.GOLD_ALREADY, film=current)
        if current.review_state in WAITING_STATES:
            verdict = rules.verdict_of(current.decision, truth)
            reviews.create_review(current, reviewer=added_by, verdict=verdict, note=note, final=True)
        return GoldCase.objects.create(film=current, truth=truth, note=note.strip(), added_by=added_by)
