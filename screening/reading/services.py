"""The reading room: which film a reader gets, for how long, and what becomes of it.

A claim is a row with a time limit. Whoever holds it may give a verdict; when it has run out, and only then, another
reader may take the film.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from screening.accounts.access import is_reviewer
from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, ModelVersion, ReadingClaim, ReadingSkip, Review
from screening.reading import queries as reading_queries
from screening.reading import reviews, rules, statements

MOST_HELD = 2  # the film on the screen, and the next one, whose picture is loaded meanwhile
SKIPPED_FOR = timedelta(hours=1)
LOST_RACES = 20
# Of eight films five are positive, two uncertain, one from the audit sample, by lot: so the place in the queue does
# not tell what the model said, and none of the three waits for ever.
QUEUE_MIX = ((5 / 8, statements.POSITIVE), (7 / 8, statements.UNCERTAIN), (1.0, statements.AUDIT))

RandomDraw = Callable[[], float]


def next_film(reader: User, lot: RandomDraw = random.random) -> UUID | None:
    """The film a reader has before them: one they hold, else one taken now; ``None`` when none is left for them.

    Args:
        reader: who asks.
        lot: draws from 0..1, deciding whose turn it is and whether a hidden gold case comes in between.

    Raises:
        NotFoundError: when they may not read.
    """
    _require_reviewer(reader)
    held = reading_queries.claims_of(reader).filter(until__gt=Now()).first()
    if held is not None:
        return held.film_id
    return _claim(reader, lot)


def film_after(reader: User, film_id: UUID, lot: RandomDraw = random.random) -> UUID | None:
    """The film that will follow this one, taken now so that its picture can be loaded meanwhile."""
    _require_reviewer(reader)
    held = [claim.film_id for claim in reading_queries.claims_of(reader).filter(until__gt=Now())]
    others = [known for known in held if known != film_id]
    if others:
        return others[0]
    return _claim(reader, lot) if len(held) < MOST_HELD else None


def show(reader: User, film_id: UUID, *, blinded: bool) -> ReadingClaim:
    """Note that a film is on the screen; the claim begins anew, even if it had run out unnoticed.

    Raises:
        ScreeningError: ``claim_lost``.
    """
    _require_reviewer(reader)
    mine = ReadingClaim.objects.filter(reader=reader, film_id=film_id)
    mine.update(shown_at=Coalesce("shown_at", Now()), until=_until(), **({} if blinded else {"seen_open": True}))
    claim = reading_queries.claim_for(reader, film_id)
    if claim is None:
        raise _lost()
    return claim


def renew(reader: User, film_id: UUID) -> None:
    """Keep a film, and the one after it, for as long as its page is open.

    Raises:
        ScreeningError: ``claim_lost``.
    """
    _require_reviewer(reader)
    if not ReadingClaim.objects.filter(reader=reader, film_id=film_id).update(until=_until()):
        raise _lost()
    ReadingClaim.objects.filter(reader=reader, until__gt=Now()).update(until=_until())


def hand_back(reader: User) -> int:
    """Give back every film a reader holds; says how many."""
    _require_reviewer(reader)
    return ReadingClaim.objects.filter(reader=reader).delete()[0]


def skip(reader: User, film_id: UUID) -> None:
    """Give a film back and do not offer it to this reader for an hour."""
    _require_reviewer(reader)
    with transaction.atomic():
        given_back, _ = ReadingClaim.objects.filter(reader=reader, film_id=film_id).delete()
        ReadingSkip.objects.filter(reader=reader, until__lt=Now()).delete()
        if given_back:
            until = timezone.now() + SKIPPED_FOR
            ReadingSkip.objects.update_or_create(film_id=film_id, reader=reader, defaults={"until": until})


def give(*, reader: User, film_id: UUID, answer: str, note: str = "", blinded: bool = False) -> Review:
    """Enter a reader's verdict on the film they hold, and let go of the film.

    Args:
        reader: who read it.
        film_id: the film.
        answer: a verdict, or a finding: ``positive`` or ``negative``. Nobody confirms a decision that is hidden.
        note: free text.
        blinded: whether the page hid what the model said.

    Returns:
        the verdict; the one already entered when the same answer comes twice.

    Raises:
        ScreeningError: ``verdict_unknown``, ``note_too_long`` or ``claim_lost``.
        NotFoundError: when there is no such film, or they may not read.
    """
    _require_reviewer(reader)
    if not Film.objects.filter(pk=film_id).exists():
        raise NotFoundError("film")
    with transaction.atomic():
        film = reviews.locked(film_id)
        claim = ReadingClaim.objects.filter(reader=reader, film_id=film_id).first()
        if claim is None:
            return _given_before(reader, film_id, note)
        hidden = blinded and not claim.seen_open
        verdict = _verdict(film, answer, hidden)
        reviews.check(verdict, note)
        begun = claim.shown_at or claim.taken_at
        claim.delete()
        return reviews.enter(
            film,
            reviewer=reader,
            verdict=verdict,
            note=note,
            blinded=hidden,
            seconds=max(0.0, (timezone.now() - begun).total_seconds()),
            gold=claim.gold,
            final=claim.settles and verdict != Review.Verdict.SECOND_OPINION,
        )


def undo(reader: User) -> tuple[Review, bool]:
    """Withdraw a reader's last verdict and give them the film again.

    Returns:
        the verdict that was withdrawn, and whether they have the film: not when another reader has it by now.

    Raises:
        ScreeningError: ``nothing_to_undo``.
    """
    _require_reviewer(reader)
    with transaction.atomic():
        entry = reviews.withdraw(reader=reader)
        entry.film.refresh_from_db(fields=["review_state"])
        settles = entry.film.review_state == Film.ReviewState.DISPUTED
        open_again = settles or entry.gold or entry.film.review_state == Film.ReviewState.PENDING
        if not open_again or not entry.film.pictured:
            return entry, False
        row: dict[str, Any] = {
            "film": entry.film_id,
            "reader": reader.pk,
            "lease": _lease(),
            "gold": entry.gold,
            "settles": settles,
        }
        with connection.cursor() as cursor:
            cursor.execute(statements.AGAIN, row)
            return entry, cursor.rowcount == 1


def _claim(reader: User, lot: RandomDraw) -> UUID | None:
    ReadingClaim.objects.filter(reader=reader, until__lt=Now()).delete()
    row = {"reader": reader.pk, "lease": _lease(), "middle": _middle()}
    turn = lot()
    first = next(index for index, (share, _) in enumerate(QUEUE_MIX) if turn < share or share == 1.0)
    order = [QUEUE_MIX[first], *QUEUE_MIX[:first], *QUEUE_MIX[first + 1 :]]
    for statement in (statements.DISPUTED, *(statement for _, statement in order)):
        taken = _take(statement, row)
        if taken is not None:
            # A hidden case comes before the film just taken, never in place of none: that would give it away.
            gold = _take(statements.GOLD, row) if lot() < settings.GOLD_SHARE else None
            return gold or taken
    return None


def _take(statement: str, row: dict[str, Any]) -> UUID | None:
    for _ in range(LOST_RACES):
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            chosen, taken = cursor.fetchone()
        if taken is not None or chosen is None:
            return UUID(str(taken)) if taken else None
    return None


def _middle() -> float:
    """Midway between the default model's operating points; films of other models are ordered by it as well."""
    points = ModelVersion.objects.filter(is_default=True).values_list("card__operating_points", flat=True).first()
    return (points["low"] + points["high"]) / 2 if points else 0.5


def _verdict(film: Film, answer: str, hidden: bool) -> str:
    if answer in Review.Finding.values:
        return rules.verdict_of(film.decision, answer)
    if hidden and answer in (Review.Verdict.CONFIRMED, Review.Verdict.OVERTURNED):
        raise ScreeningError("verdict_unknown", "What the model said is hidden: say what you see in the film.", 400)
    return answer


def _given_before(reader: User, film_id: UUID, note: str) -> Review:
    last = reviews.last_of(reader)
    if last is not None and last.film_id == film_id:  # a form that was sent twice
        return last
    raise _lost(note)


def _lost(note: str = "") -> ScreeningError:
    kept = f" Your note was: “{note.strip()}”" if note.strip() else ""
    return ScreeningError("claim_lost", f"You do not hold this film, or no longer; take the next one.{kept}")


def _lease() -> timedelta:
    return timedelta(seconds=settings.READING_CLAIM_SECONDS)


def _until() -> Any:
    return Now() + _lease()


def _require_reviewer(reader: User) -> None:
    if not is_reviewer(reader):
        raise NotFoundError("page")
