"""The reading room: one film at a time, a verdict, the next film."""

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

from dashboard.access import reviewer_of, staff_of, text_of
from dashboard.presentation import geometry, reading_sentences, sentences
from screening.errors import ScreeningError
from screening.model_versions import card_of
from screening.models import ReadingClaim
from screening.reading import queries as reading_queries
from screening.reading import services as reading
from screening.reading import statistics as reading_statistics
from screening.reading.reviews import MAX_NOTE_LENGTH

BEATS = 5  # in the time a claim lasts


@require_safe
def room(request: HttpRequest) -> HttpResponse:
    """The door of the reading room: what waits, how it is shown, the keys."""
    reader = reviewer_of(request)
    context = {
        "waiting": reading_queries.count_waiting(),
        "held": reading_queries.claims_of(reader).count(),
        "blinded": _blinded(request),
        "keys": [*reading_sentences.ANSWER_KEYS, *reading_sentences.OTHER_KEYS],
        "minutes": max(1, round(settings.READING_CLAIM_SECONDS / 60)),
    }
    return render(request, "dashboard/reading/room.html", context)


@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """On to the film the reader has before them, or a new one."""
    return _onward(request)


@require_POST
def mode(request: HttpRequest) -> HttpResponse:
    """Hide or show what the model says; for this reader, as long as they are signed in."""
    reviewer_of(request)
    request.session["blinded"] = text_of(request, "blinded") == "1"
    return redirect("reading")


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A film on the whole screen, with the verdicts below it."""
    reader = reviewer_of(request)
    blinded = _blinded(request)
    try:
        claim = reading.open_claim(reader, pk, blinded=blinded)
    except ScreeningError as error:
        messages.warning(request, error.detail)
        return redirect("reading")
    blind = blinded and not claim.seen_open
    answers = reading_sentences.answers(claim.film, blind)
    context = {
        "blind": blind,
        "answers": answers,
        "said": reading_sentences.said(list(reading_queries.valid_readings(claim.film)), blind)
        if claim.settles
        else [],
        "keys": reading_sentences.keys_of(answers),
        "read_today": reading_queries.count_read_since(reader, _today()),
        "note_length": MAX_NOTE_LENGTH,
        "beat": max(1, settings.READING_CLAIM_SECONDS // BEATS),
        **(_hidden(claim) if blind else _in_sight(claim)),
    }
    response = render(request, "dashboard/reading/film.html", context)
    response.headers["Cache-Control"] = "no-store"  # going back must ask whether the film is still theirs
    return response


@require_POST
def verdict(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter what the reader says, and on to the next film."""
    reader = reviewer_of(request)
    entry = reading.record_verdict(
        reader=reader,
        film_id=pk,
        answer=text_of(request, "answer"),
        note=text_of(request, "note"),
        blinded=_blinded(request),
    )
    messages.success(request, reading_sentences.outcome(entry))
    return _onward(request)


@require_POST
def skip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Not this one, not now."""
    reading.skip_film(reviewer_of(request), pk)
    messages.info(request, "Skipped. You are not offered that film for an hour; others are.")
    return _onward(request)


@require_POST
def hand_back(request: HttpRequest) -> HttpResponse:
    """Give back what one holds, and leave."""
    number = reading.release_claims(reviewer_of(request))
    if number:
        messages.info(request, "Handed back. Other readers can take the film at once.")
    return redirect("reading")


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Withdraw the last verdict and look at its film again."""
    try:
        entry, again = reading.withdraw_last_verdict(reviewer_of(request))
    except ScreeningError as error:
        messages.warning(request, error.detail)
        return _onward(request)
    if again:
        messages.info(request, "Withdrawn. Here is the film again, with what the model said.")
        return redirect("reading-film", entry.film_id)
    messages.info(request, "Withdrawn. The film is with another reader, or needs no verdict any more.")
    return _onward(request)


@require_POST
def beat(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page is still open: keep the film."""
    reading.renew_claim(reviewer_of(request), pk)
    return JsonResponse({"seconds": settings.READING_CLAIM_SECONDS})


@require_POST
def ahead(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the film after this one already, and say where its picture is."""
    following = reading.prefetch_next(reviewer_of(request), pk)
    return JsonResponse({"picture": reverse("film-display", args=[following]) if following else ""})


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """A reader's own figures; today's verdicts are compared tomorrow, so as not to tell which was a hidden case."""
    reader = reviewer_of(request)
    figures = reading_statistics.reader_figures(reader, compared_until=_today())
    return render(request, "dashboard/reading/my_statistics.html", {"figures": figures})


@require_safe
def readers(request: HttpRequest) -> HttpResponse:
    """Everybody's figures."""
    staff_of(request)
    context = {
        "readers": reading_statistics.all_reader_figures(),
        "agreement": reading_statistics.agreement_of_all_readers(),
    }
    return render(request, "dashboard/reading/readers.html", context)


def _onward(request: HttpRequest) -> HttpResponse:
    following = reading.next_film(reviewer_of(request))
    return redirect("reading-film", following) if following else redirect("reading")


def _blinded(request: HttpRequest) -> bool:
    return bool(request.session.get("blinded", settings.READING_BLINDED))


def _today() -> datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def _hidden(claim: ReadingClaim) -> dict[str, Any]:
    """What a page may know that must not give the model's decision away; a file's name may."""
    film = claim.film
    film.original_name = "to read"
    return {"film": film, "title": "Film to read"}


def _in_sight(claim: ReadingClaim) -> dict[str, Any]:
    film = claim.film
    return {
        "film": film,
        "title": film.original_name,
        "headline": sentences.film_headline(film),
        "scale": geometry.scale(film.score, geometry.points_of(card_of(film.batch.model))),
    }
