"""The reading room, where a reader gets one film after the other and gives a verdict on each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import posted_text, require_reviewer, require_staff
from dashboard.presentation import geometry, reading_sentences, sentences
from dashboard.presentation.script_settings import reading_settings, viewer_settings
from screening.errors import ScreeningError
from screening.model_versions import card_of
from screening.models import ReadingClaim
from screening.reading import queries as reading_queries
from screening.reading import services as reading
from screening.reading import statistics as reading_statistics
from screening.reading.reviews import MAX_NOTE_LENGTH


@require_safe
def room(request: HttpRequest) -> HttpResponse:
    """Show the first page of the reading room: films to read, blinding, keys."""
    reader = require_reviewer(request)
    context = {
        "waiting": reading_queries.count_waiting(),
        "held": reading_queries.claims_of(reader).count(),
        "blinded": _blinded(request),
        "keys": [*reading_sentences.ANSWER_KEYS, *reading_sentences.TOOL_KEYS],
        "minutes": max(1, round(settings.READING_CLAIM_SECONDS / 60)),
    }
    return render(request, "dashboard/reading/room.html", context)


@require_POST
def next_film(request: HttpRequest) -> HttpResponse:
    """Redirect to the film that the reader has claimed, or to a new one."""
    return _redirect_to_next(request)


@require_POST
def set_mode(request: HttpRequest) -> HttpResponse:
    """Hide or show the model's result, for this reader and until they sign out."""
    require_reviewer(request)
    request.session["blinded"] = posted_text(request, "blinded") == "1"
    return redirect("reading")


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a claimed film on the whole screen, with the buttons for a verdict."""
    reader = require_reviewer(request)
    blinded = _blinded(request)
    try:
        claim = reading.open_claim(reader, pk, blinded=blinded)
    except ScreeningError as error:
        messages.warning(request, error.detail)
        return redirect("reading")
    blind = blinded and not claim.seen_open
    buttons = reading_sentences.answer_buttons(claim.film, blind)
    context = {
        "blind": blind,
        "answers": buttons,
        "earlier_readings": _earlier_readings(claim, blind),
        "keys": reading_sentences.page_keys(buttons),
        "read_today": reading_queries.count_read_since(reader, _today()),
        "note_length": MAX_NOTE_LENGTH,
        "viewer_settings": viewer_settings(claim.film, blind=blind),
        "reading_settings": reading_settings(claim.film),
        **(_blinded_context(claim) if blind else _unblinded_context(claim)),
    }
    response = render(request, "dashboard/reading/film.html", context)
    response.headers["Cache-Control"] = "no-store"  # the Back button must ask whether the film is still theirs
    return response


@require_POST
def record_verdict(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record the reader's verdict, and go on to the next film."""
    reader = require_reviewer(request)
    entry = reading.record_verdict(
        reader=reader,
        film_id=pk,
        answer=posted_text(request, "answer"),
        note=posted_text(request, "note"),
        blinded=_blinded(request),
    )
    messages.success(request, reading_sentences.verdict_message(entry))
    return _redirect_to_next(request)


@require_POST
def skip_film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Skip a film, which the reader is not offered for an hour."""
    reading.skip_film(require_reviewer(request), pk)
    messages.info(request, "Skipped. You will not get this film again for an hour; other readers may.")
    return _redirect_to_next(request)


@require_POST
def release_and_exit(request: HttpRequest) -> HttpResponse:
    """Release the reader's claims, and leave the reading room."""
    released = reading.release_claims(require_reviewer(request))
    if released:
        messages.info(request, "Released. Other readers can read the film now.")
    return redirect("reading")


@require_POST
def undo_verdict(request: HttpRequest) -> HttpResponse:
    """Withdraw the reader's last verdict, and show its film again."""
    try:
        entry, again = reading.withdraw_last_verdict(require_reviewer(request))
    except ScreeningError as error:
        messages.warning(request, error.detail)
        return _redirect_to_next(request)
    if again:
        messages.info(request, "Verdict withdrawn. This is the film again, now with the model's result.")
        return redirect("reading-film", entry.film_id)
    messages.info(request, "Verdict withdrawn. The film is with another reader, or needs no further verdict.")
    return _redirect_to_next(request)


@require_POST
def renew_claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Renew the claim on a film while its page is open."""
    reading.renew_claim(require_reviewer(request), pk)
    return JsonResponse({"seconds": settings.READING_CLAIM_SECONDS})


@require_POST
def prefetch_next(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Claim the film after this one, and return the address of its image."""
    following = reading.prefetch_next(require_reviewer(request), pk)
    return JsonResponse({"picture": reverse("film-display", args=[following]) if following else ""})


@require_safe
def my_statistics(request: HttpRequest) -> HttpResponse:
    """Show a reader's own statistics; today's verdicts count from tomorrow, so that no gold case is revealed."""
    reader = require_reviewer(request)
    figures = reading_statistics.reader_figures(reader, compared_until=_today())
    return render(request, "dashboard/reading/my_statistics.html", {"figures": figures})


@require_safe
def reader_statistics(request: HttpRequest) -> HttpResponse:
    """Show the statistics of all readers."""
    require_staff(request)
    context = {
        "readers": reading_statistics.all_reader_figures(),
        "agreement": reading_statistics.agreement_of_all_readers(),
    }
    return render(request, "dashboard/reading/readers.html", context)


def _redirect_to_next(request: HttpRequest) -> HttpResponse:
    following = reading.next_film(require_reviewer(request))
    return redirect("reading-film", following) if following else redirect("reading")


def _blinded(request: HttpRequest) -> bool:
    return bool(request.session.get("blinded", settings.READING_BLINDED))


def _today() -> datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def _earlier_readings(claim: ReadingClaim, blind: bool) -> list[reading_sentences.EarlierReading]:
    """Return the readings of a film on which the readers disagree; none of other films."""
    if not claim.settles:
        return []
    return reading_sentences.earlier_readings(list(reading_queries.valid_readings(claim.film)), blind)


def _blinded_context(claim: ReadingClaim) -> dict[str, Any]:
    """Return the context of a page without the model's decision; the name of a file may contain it too."""
    film = claim.film
    film.original_name = "to read"
    return {"film": film, "title": "Film to read"}


def _unblinded_context(claim: ReadingClaim) -> dict[str, Any]:
    """Return the context of a page with the model's result."""
    film = claim.film
    return {
        "film": film,
        "title": film.original_name,
        "headline": sentences.film_headline(film),
        "scale": geometry.scale(film.score, geometry.points_of(card_of(film.batch.model))),
    }
