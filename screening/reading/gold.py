"""Hidden gold cases: films with a known truth."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, GoldCase, Review
from screening.reading import reviews, rules

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
        raise ScreeningError("truth_unknown", "The truth of a gold case is positive or negative.", 400)
    if len(note) > 400:
        raise ScreeningError("note_too_long", "The note of a gold case has at most 400 characters.", 400)
    with transaction.atomic():
        current = reviews.lock_film(film.pk)
        if not current.pictured or not current.decision:
            raise ScreeningError("not_screened", f"{current} has no result; only a screened film can be a gold case.")
        if GoldCase.objects.filter(film=current).exists():
            raise ScreeningError("gold_already", f"{current} is a gold case already.")
        if current.review_state in WAITING_STATES:
            verdict = rules.verdict_of(current.decision, truth)
            reviews.create_review(current, reviewer=added_by, verdict=verdict, note=note, final=True)
        return GoldCase.objects.create(film=current, truth=truth, note=note.strip(), added_by=added_by)
