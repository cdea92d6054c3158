"""One film: its picture, its score, and everything known about how that came about."""

from __future__ import annotations

from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard import cards, shapes, wording
from dashboard.access import user_of
from screening import queries
from screening.errors import NotFoundError
from screening.services.reviews import NOTE_LENGTH
from screening.triage import FLAG_WORDS


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The film's page."""
    user = user_of(request)
    found = queries.film_for(user, pk)
    before, after = queries.neighbours_of(found)
    card = found.batch.model.card
    points = shapes.points_of(card)
    context = {
        "film": found,
        "batch": found.batch,
        "before": before,
        "after": after,
        "headline": wording.film_headline(found),
        "scale": shapes.scale(found.score, points),
        "flags": [FLAG_WORDS.get(flag, flag) for flag in found.flags],
        "notes": [wording.NOTES.get(note, note) for note in found.notes],
        "honesty": cards.honesty(card),
        "preprocessing": card.get("preprocessing", {}).get("version", ""),
        "predictions": queries.predictions_of(found),
        "reviews": queries.reviews_of(found),
        "may_review": user.is_staff and bool(found.flags),
        "from_queue": "queue" in request.GET,
        "note_length": NOTE_LENGTH,
    }
    return render(request, "dashboard/film.html", context)


@require_safe
def picture(request: HttpRequest, pk: UUID, part: str) -> FileResponse:
    """What people see of a film; only decoded films have pictures."""
    found = queries.picture_for(user_of(request), pk)
    try:
        file = default_storage.open(found.storage_name(part))
    except FileNotFoundError:
        raise NotFoundError("picture") from None
    return FileResponse(
        file,
        content_type="image/png" if part.endswith(".png") else "image/jpeg",
        headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )
