"""Verdicts on films: every page records a verdict here, and the film's review state is derived from all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from screening.accounts.access import is_reviewer
from screening.codes import reading_codes
from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, Review
from screening.reading import rules
from screening.reading.queries import NOT_WITHDRAWN, valid_readings

MAX_NOTE_LENGTH = 2000
UNDO_PERIOD = timedelta(minutes=10)
VERDICTS = [choice for choice in Review.Verdict if choice != Review.Verdict.WITHDRAWN]


def record_review(*, film: Film, reviewer: User, verdict: str, note: str = "") -> Review:
    """Record a verdict given outside the reading room, with the score in view.

    A verdict of staff is final, and the newest final one counts; a verdict of another reviewer is one reading among
    others. A request for a second opinion is never final.

    Raises:
        ScreeningError: ``verdict_unknown``, ``note_too_long`` or ``not_flagged``.
        NotFoundError: the user is not a reviewer.
    """
    if not is_reviewer(reviewer):
        raise NotFoundError("film")
    check_verdict(verdict, note)
    with transaction.atomic():
        current = lock_film(film.pk)
        if not current.flags:
            raise ScreeningError(reading_codes.NOT_FLAGGED)
        final = reviewer.is_staff and verdict != Review.Verdict.SECOND_OPINION
        return create_review(current, reviewer=reviewer, verdict=verdict, note=note, final=final)


def check_verdict(verdict: str, note: str) -> None:
    """Check that a verdict and its note can be recorded.

    Raises:
        ScreeningError: ``verdict_unknown`` or ``note_too_long``.
    """
    if verdict not in VERDICTS:
        choices = "confirm or overturn the decision, call the film unreadable, or ask for a second opinion"
        raise ScreeningError(reading_codes.VERDICT_UNKNOWN, choices=choices)
    if len(note) > MAX_NOTE_LENGTH:
        raise ScreeningError(reading_codes.NOTE_TOO_LONG, most=MAX_NOTE_LENGTH)


def lock_film(film_id: Any) -> Film:
    """Lock a film's row until the transaction ends and return the film."""
    return Film.objects.select_for_update(no_key=True).get(pk=film_id)


def create_review(film: Film, *, reviewer: User, verdict: str, note: str, **fields: Any) -> Review:
    """Create the row of a verdict on a locked film and update the film's review state.

    Args:
        film: from :func:`lock_film`.
        reviewer: the reader.
        verdict: one of :data:`VERDICTS`.
        note: free text.
        fields: ``final``, ``gold``, ``blinded``, ``seconds`` where they differ from their defaults.
    """
    entry = Review.objects.create(
        film=film,
        reviewer=reviewer,
        verdict=verdict,
        finding=rules.finding_of(film.decision, verdict),
        note=note.strip(),
        score=film.score,
        decision=film.decision,
        **fields,
    )
    if not entry.gold:
        update_review_state(film)
    return entry


def update_review_state(film: Film) -> None:
    """Derive the review state of a locked film from its valid readings and store it.

    A film without flags and without readings needs no review.
    """
    given = list(valid_readings(film))
    if not given and not film.flags:
        state: str = Film.ReviewState.NOT_NEEDED
    else:
        needed = rules.readings_needed(film.sha256, settings.READINGS_NEEDED, settings.DOUBLE_READING_SHARE)
        state = rules.state_of(given, needed)
    if state != film.review_state:
        film.review_state = Film.ReviewState(state)
        film.save(update_fields=["review_state"])


def last_verdict_of(reader: User) -> Review | None:
    """Return a reader's newest verdict if it may still be withdrawn, else ``None``."""
    given = Review.objects.filter(NOT_WITHDRAWN, reviewer=reader, created_at__gt=timezone.now() - UNDO_PERIOD)
    return given.order_by("-id").first()


def withdraw_verdict(*, reader: User) -> Review:
    """Withdraw a reader's last verdict: add a row for the withdrawal and update the film's review state.

    Returns:
        the withdrawn verdict.

    Raises:
        ScreeningError: ``nothing_to_undo``.
    """
    with transaction.atomic():
        entry = last_verdict_of(reader)
        film = lock_film(entry.film_id) if entry else None
        # A second press of the key may have been handled meanwhile.
        if entry is None or film is None or Review.objects.filter(withdraws=entry).exists():
            minutes = UNDO_PERIOD.seconds // 60
            raise ScreeningError(reading_codes.NOTHING_TO_UNDO, minutes=minutes)
        Review.objects.create(
            film=film,
            reviewer=reader,
            verdict=Review.Verdict.WITHDRAWN,
            withdraws=entry,
            gold=entry.gold,
            score=film.score,
            decision=film.decision,
        )
        if not entry.gold:
            update_review_state(film)
        return entry
