"""What reviewers say of films. Every verdict, from whichever page, is entered here, and the film's state derived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from screening.accounts.access import is_reviewer
from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, Review
from screening.reading import rules
from screening.reading.queries import STANDS, standing

NOTE_LENGTH = 2000
UNDO_WITHIN = timedelta(minutes=10)
VERDICTS = [choice for choice in Review.Verdict if choice != Review.Verdict.WITHDRAWN]


def review(*, film: Film, reviewer: User, verdict: str, note: str = "") -> Review:
    """Enter a verdict that was given with everything in sight, outside the reading room.

    Staff settle a film by it, the newest one counting; of another reviewer it is one reading among others. Asking for
    a second opinion settles nothing.

    Raises:
        ScreeningError: ``verdict_unknown``, ``note_too_long`` or ``not_flagged``.
        NotFoundError: when the reviewer may not review.
    """
    if not is_reviewer(reviewer):
        raise NotFoundError("film")
    check(verdict, note)
    with transaction.atomic():
        current = locked(film.pk)
        if not current.flags:
            raise ScreeningError("not_flagged", "This film is not flagged; there is nothing to review.")
        final = reviewer.is_staff and verdict != Review.Verdict.SECOND_OPINION
        return enter(current, reviewer=reviewer, verdict=verdict, note=note, final=final)


def check(verdict: str, note: str) -> None:
    """Whether a verdict can be entered.

    Raises:
        ScreeningError: ``verdict_unknown`` or ``note_too_long``.
    """
    if verdict not in VERDICTS:
        choices = "confirm or overturn the decision, call the film unreadable, or ask for a second opinion"
        raise ScreeningError("verdict_unknown", f"Choose what to say: {choices}.", 400)
    if len(note) > NOTE_LENGTH:
        raise ScreeningError("note_too_long", f"A note has at most {NOTE_LENGTH} characters.", 400)


def locked(film_id: Any) -> Film:
    """A film that nobody else changes until the transaction ends."""
    return Film.objects.select_for_update(no_key=True).get(pk=film_id)


def enter(film: Film, *, reviewer: User, verdict: str, note: str, **fields: Any) -> Review:
    """Add a row for a locked film, and store the state that follows from all of them.

    Args:
        film: as :func:`locked` gave it.
        reviewer: who says it.
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
        settle(film)
    return entry


def settle(film: Film) -> None:
    """Store where a locked film stands by what was said of it; nobody has to look at one that is not flagged."""
    given = list(standing(film))
    if not given and not film.flags:
        state: str = Film.ReviewState.NOT_NEEDED
    else:
        needed = rules.readings_needed(film.sha256, settings.READINGS_NEEDED, settings.DOUBLE_READING_SHARE)
        state = rules.state_of(given, needed)
    if state != film.review_state:
        film.review_state = Film.ReviewState(state)
        film.save(update_fields=["review_state"])


def last_of(reader: User) -> Review | None:
    """The newest verdict of a reader that may still be withdrawn."""
    given = Review.objects.filter(STANDS, reviewer=reader, created_at__gt=timezone.now() - UNDO_WITHIN)
    return given.order_by("-id").first()


def withdraw(*, reader: User) -> Review:
    """Take back a reader's last verdict: a row that says so is added, and the film stands as without it.

    Returns:
        the verdict that was taken back.

    Raises:
        ScreeningError: ``nothing_to_undo``.
    """
    with transaction.atomic():
        entry = last_of(reader)
        film = locked(entry.film_id) if entry else None
        # By now a second press of the key may have been served.
        if entry is None or film is None or Review.objects.filter(withdraws=entry).exists():
            minutes = UNDO_WITHIN.seconds // 60
            raise ScreeningError("nothing_to_undo", f"You gave no verdict in the last {minutes} minutes.")
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
            settle(film)
        return entry
