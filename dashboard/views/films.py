"""The page of a film: image, score and details of its processing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import user_of
from dashboard.presentation import expected_decisions, model_evidence, prevalence, sentences
from dashboard.presentation.script_settings import viewer_settings
from dashboard.presentation.shared_context import film_context
from ml.model_card.card import ModelCard
from screening.accounts.access import is_reviewer
from screening.batches import counts, neighbours, queries
from screening.model_versions import card_of
from screening.models import Film
from screening.reading.reviews import MAX_NOTE_LENGTH
from screening.storage import delivery
from screening.storage.local import UNKNOWN_TYPE, content_type_of
from screening.worker import viewer_rendering

FILTERS = ("state", "decision", "bar", "sort")  # of the batch's list; links to neighbouring films keep them
KEPT_PARAMETERS = ("prevalence", "queue")
MAX_MEMBERS_SHOWN = 24


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a film."""
    user = user_of(request)
    found = queries.film_for(user, pk)
    context = {
        **film_context(found),
        "may_review": is_reviewer(user) and bool(found.flags),
        "from_queue": "queue" in request.GET,
        "note_length": MAX_NOTE_LENGTH,
        "viewer_settings": viewer_settings(found),
        **_model_performance(request, card_of(found.batch.model)),
        **_list_context(request, found),
        **_related_films(found),
    }
    return render(request, "dashboard/film/film.html", context)


def _model_performance(request: HttpRequest, card: ModelCard | None) -> dict[str, Any]:
    """Return the model's performance at other hospitals and at its own, and at the reader's prevalence."""
    return {
        "expected": expected_decisions.expectation(card),
        "comparison": model_evidence.internal_and_worst_external(card),
        "elsewhere": model_evidence.external_evidence(card),
        "shortcuts": model_evidence.shortcut_sentences(card),
        **prevalence.prevalence_context(request, card),
    }


def _list_context(request: HttpRequest, found: Film) -> dict[str, Any]:
    """Return the filters of the list the user came from, and the film's neighbours in it."""
    wanted = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    sort = wanted.get("sort", "sent")
    filters = {name: value for name, value in wanted.items() if name != "sort"}
    films = queries.films_of(found.batch, **wanted)
    before, after = queries.neighbours_of(found, sort=sort, **filters)
    total = counts.count_films(found.batch_id, **filters)
    kept = {**wanted, **{name: request.GET[name] for name in KEPT_PARAMETERS if request.GET.get(name)}}
    words = [
        *(filters[name] for name in ("state", "decision") if name in filters),
        sentences.bar_label(request.GET.get("bar", "")),
    ]
    return {
        "filters": wanted,
        "list_words": ", ".join(filter(None, words)),
        "list_query": f"?{urlencode(wanted)}" if wanted else "",
        "film_query": f"?{urlencode(kept)}" if kept else "",
        "before": before,
        "after": after,
        "place": neighbours.position_in(found, films, sort, total),
        "total": total,
    }


def _related_films(found: Film) -> dict[str, Any]:
    """Return films of the same patient, copies of the same file, and the files of an archive."""
    is_archive = found.state == Film.State.UNPACKED
    return {
        "of_patient": neighbours.films_of_patient(found),
        "twins": neighbours.copies_in_other_batches(found),
        "members": neighbours.members_of(found)[:MAX_MEMBERS_SHOWN] if is_archive else [],
        "members_total": neighbours.members_of(found).count() if is_archive else 0,
    }


@require_safe
def picture(request: HttpRequest, pk: UUID, part: str) -> HttpResponseBase:
    """Return an image of a decoded film."""
    return delivery.serve_picture(queries.picture_for(user_of(request), pk), part, content_type_of(part))


@require_safe
def pixels(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Return the pixel values of a film for the viewer; status 202 while a worker renders them."""
    found = queries.picture_for(user_of(request), pk)
    with delivery.report_storage_errors("film"):
        file = viewer_rendering.find_rendering(found.pk)
    if file is None:
        return JsonResponse({"state": "rendering"}, status=202, headers={"Retry-After": "1"})
    headers = {**delivery.HEADERS, "Content-Encoding": "gzip"}
    return FileResponse(file, content_type=UNKNOWN_TYPE, headers=headers)
