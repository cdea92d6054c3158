"""What a reviewer does."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from screening.errors import NotFoundError, ScreeningError
from screening.models import Review, XRay

NOTE_LENGTH = 2000


def review(*, film: XRay, reviewer: User, verdict: str, note: str = "") -> Review:
    """Add a verdict to a flagged film. Earlier verdicts stay; the newest one counts.

    Raises:
        ScreeningError: ``verdict_unknown``, ``note_too_long`` or ``not_flagged``.
        NotFoundError: when the reviewer may not review.
    """
    if not reviewer.is_staff:
        raise NotFoundError("film")
    if verdict not in Review.Verdict.values:
        raise ScreeningError("verdict_unknown", "Choose confirm or overturn.", 400)
    if len(note) > NOTE_LENGTH:
        raise ScreeningError("note_too_long", f"A note has at most {NOTE_LENGTH} characters.", 400)
    with transaction.atomic():
        current = XRay.objects.select_for_update().get(pk=film.pk)
        if not current.flags:
            raise ScreeningError("not_flagged", "This film is not flagged; there is nothing to review.")
        entry = Review.objects.create(
            film=current,
            reviewer=reviewer,
            verdict=verdict,
            note=note.strip(),
            score=current.score,
            decision=current.decision,
        )
        current.review_state = XRay.ReviewState(verdict)
        current.save(update_fields=["review_state"])
    return entry
