"""The reading room: claims on films, and verdicts of the reader who holds the claim.

A claim is a row with a time limit. Its holder may record a verdict. Only after the limit may another reader claim the
film.
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
from screening.codes import reading_codes
from screening.errors import NotFoundError, ScreeningError
from screening.models import Film, ModelVersion, ReadingClaim, ReadingSkip, Review
from screening.reading import queries as reading_queries
from screening.reading import reviews, rules, statements

MAX_CLAIMS = 2  # of a reader: the film on the screen, and the next one, whose picture is loaded meanwhile
SKIP_DURATION = timedelta(hours=1)
MAX_CLAIM_ATTEMPTS = 20
# Of eight films five are positive, two uncertain and one is of the audit sample, in random order: the place in the
# queue does not reveal the decision, and each of the three is read at some time.
QUEUE_MIX = ((5 / 8, statements.CLAIM_POSITIVE), (7 / 8, statements.CLAIM_UNCERTAIN), (1.0, statements.CLAIM_AUDIT))

RandomDraw = Callable[[], float]


def next_film(reader: User, draw: RandomDraw = random.random) -> UUID | None:
    """Return the film to read next: one the reader holds, else one claimed now; ``None`` if none is left.

    Args:
        reader: the reader.
        draw: random numbers of 0..1, for the part of the queue and for whether a hidden gold case comes next.

    Raises:
        NotFoundError: the user is not a reader.
    """
    _require_reviewer(reader)
    held = reading_queries.claims_of(reader).filter(until__gt=Now()).first()
    if held is not None:
        return held.film_id
    return _claim(reader, draw)


def prefetch_next(reader: User, film_id: UUID, draw: RandomDraw = random.random) -> UUID | None:
    """Claim the film that follows this one and return it, so that its picture can be loaded meanwhile."""
    _require_reviewer(reader)
    held = [claim.film_id for claim in reading_queries.claims_of(reader).filter(until__gt=Now())]
    others = [known for known in held if known != film_id]
    if others:
        return others[0]
    return _claim(reader, draw) if len(held) < MAX_CLAIMS else None


def open_claim(reader: User, film_id: UUID, *, blinded: bool) -> ReadingClaim:
    """Record that a film is on the screen, and restart the time limit of its claim, even if it has expired.

    Raises:
        ScreeningError: ``claim_lost``.
    """
    _require_reviewer(reader)
    mine = ReadingClaim.objects.filter(reader=reader, film_id=film_id)
    mine.update(
        shown_at=Coalesce("shown_at", Now()), until=_end_of_claim(), **({} if blinded else {"seen_open": True})
    )
    claim = reading_queries.claim_for(reader, film_id)
    if claim is None:
        raise _claim_lost()
    return claim


def renew_claim(reader: User, film_id: UUID) -> None:
    """Extend a reader's claims on a film and on the one after it; its page asks for this while it is open.

    Raises:
        ScreeningError: ``claim_lost``.
    """
    _require_reviewer(reader)
    if not ReadingClaim.objects.filter(reader=reader, film_id=film_id).update(until=_end_of_claim()):
        raise _claim_lost()
    ReadingClaim.objects.filter(reader=reader, until__gt=Now()).update(until=_end_of_claim())


def release_claims(reader: User) -> int:
    """Release all claims of a reader; return how many."""
    _require_reviewer(reader)
    return ReadingClaim.objects.filter(reader=reader).delete()[0]


def skip_film(reader: User, film_id: UUID) -> None:
    """Release a film and do not offer it to this reader for an hour."""
    _require_reviewer(reader)
    with transaction.atomic():
        given_back, _ = ReadingClaim.objects.filter(reader=reader, film_id=film_id).delete()
        ReadingSkip.objects.filter(reader=reader, until__lt=Now()).delete()
        if given_back:
            until = timezone.now() + SKIP_DURATION
            ReadingSkip.objects.update_or_create(film_id=film_id, reader=reader, defaults={"until": until})


def record_verdict(*, reader: User, film_id: UUID, answer: str, note: str = "", blinded: bool = False) -> Review:
    """Record a reader's verdict on the film they hold, and release the claim.

    Args:
        reader: the reader.
        film_id: the film.
        answer: a verdict, or a finding: ``positive`` or ``negative``. A blinded reader gives a finding.
        note: free text.
        blinded: whether the page hid score and decision.

    Returns:
        the verdict; the recorded one if the same form is sent twice.

    Raises:
        ScreeningError: ``verdict_unknown``, ``note_too_long`` or ``claim_lost``.
        NotFoundError: there is no such film, or the user is not a reader.
    """
    _require_reviewer(reader)
    if not Film.objects.filter(pk=film_id).exists():
        raise NotFoundError("film")
    with transaction.atomic():
        film = reviews.lock_film(film_id)
        claim = ReadingClaim.objects.filter(reader=reader, film_id=film_id).first()
        if claim is None:
            return _repeated_verdict(reader, film_id, note)
        hidden = blinded and not claim.seen_open
        verdict = _verdict(film, answer, hidden)
        reviews.check_verdict(verdict, note)
        begun = claim.shown_at or claim.taken_at
        claim.delete()
        return reviews.create_review(
            film,
            reviewer=reader,
            verdict=verdict,
            note=note,
            blinded=hidden,
            seconds=max(0.0, (timezone.now() - begun).total_seconds()),
            gold=claim.gold,
            final=claim.settles and verdict != Review.Verdict.SECOND_OPINION,
        )


def withdraw_last_verdict(reader: User) -> tuple[Review, bool]:
    """Withdraw a reader's last verdict and claim its film again.

    Returns:
        the withdrawn verdict, and whether the claim succeeded; it fails if another reader has the film by now.

    Raises:
        ScreeningError: ``nothing_to_undo``.
    """
    _require_reviewer(reader)
    with transaction.atomic():
        entry = reviews.withdraw_verdict(reader=reader)
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
            cursor.execute(statements.CLAIM_AGAIN, row)
            return entry, cursor.rowcount == 1


def _claim(reader: User, draw: RandomDraw) -> UUID | None:
    ReadingClaim.objects.filter(reader=reader, until__lt=Now()).delete()
    row = {"reader": reader.pk, "lease": _lease(), "middle": _middle_of_operating_points()}
    turn = draw()
    first = next(index for index, (share, _) in enumerate(QUEUE_MIX) if turn < share or share == 1.0)
    order = [QUEUE_MIX[first], *QUEUE_MIX[:first], *QUEUE_MIX[first + 1 :]]
    for statement in (statements.CLAIM_DISPUTED, *(statement for _, statement in order)):
        taken = _claim_by(statement, row)
        if taken is not None:
            # A hidden case comes before a claimed film. If it came when the queue is empty, that would reveal it.
            gold = _claim_by(statements.CLAIM_GOLD, row) if draw() < settings.GOLD_SHARE else None
            return gold or taken
    return None


def _claim_by(statement: str, row: dict[str, Any]) -> UUID | None:
    for _ in range(MAX_CLAIM_ATTEMPTS):
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            chosen, taken = cursor.fetchone()
        if taken is not None or chosen is None:
            return UUID(str(taken)) if taken else None
    return None


def _middle_of_operating_points() -> float:
    """Return the middle of the default model's operating points; it orders the films of all models."""
    points = ModelVersion.objects.filter(is_default=True).values_list("card__operating_points", flat=True).first()
    return (points["low"] + points["high"]) / 2 if points else 0.5


def _verdict(film: Film, answer: str, hidden: bool) -> str:
    if answer in Review.Finding.values:
        return rules.verdict_of(film.decision, answer)
    if hidden and answer in (Review.Verdict.CONFIRMED, Review.Verdict.OVERTURNED):
        raise ScreeningError(reading_codes.VERDICT_HIDDEN)
    return answer


def _repeated_verdict(reader: User, film_id: UUID, note: str) -> Review:
    last = reviews.last_verdict_of(reader)
    if last is not None and last.film_id == film_id:  # a form that was sent twice
        return last
    raise _claim_lost(note)


def _claim_lost(note: str = "") -> ScreeningError:
    if note.strip():
        return ScreeningError(reading_codes.CLAIM_LOST_WITH_NOTE, note=note.strip())
    return ScreeningError(reading_codes.CLAIM_LOST)


def _lease() -> timedelta:
    return timedelta(seconds=settings.READING_CLAIM_SECONDS)


def _end_of_claim() -> Any:
    return Now() + _lease()


def _require_reviewer(reader: User) -> None:
    if not is_reviewer(reader):
        raise NotFoundError("page")
