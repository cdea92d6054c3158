"""One batch: where it stands, its films, and why some were refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import user_of
from dashboard.errors import wants_json
from dashboard.presentation import sentences
from dashboard.presentation.shared_context import batch_facts
from screening.batches import counts, queries
from screening.batches import services as service
from screening.batches.pagination import page_of
from screening.batches.progress import Progress, progress_of
from screening.intake.limits import upload_limits_of
from screening.model_versions import model_names
from screening.models import Batch, Film

FILMS_A_PAGE = 60
REFUSALS_SHOWN = 50
VIEWS = ("grid", "table")


@require_safe
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page; its script fetches it again while films are screened, and takes over what has changed."""
    found = queries.batch_for(user_of(request), pk)
    progress = progress_of(found)
    context = {
        **batch_facts(found, progress),
        "final": progress.is_final,
        "version": _version(progress),
        **vars(upload_limits_of(user_of(request))),
        **_reruns(found, progress),
        "state_chips": sentences.state_chips(progress),
        "decision_chips": sentences.decision_chips(progress),
        **_films(request, found, progress),
    }
    if "X-Live" in request.headers:  # a message is for the next page that somebody sees, which this is not
        context["messages"] = []
    return render(request, "dashboard/batch/batch.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Where the batch stands; the script polls this, and renews the page when its version is another."""
    now = progress_of(queries.batch_for(user_of(request), pk))
    answer = {
        "state": now.state, "final": now.is_final, "percent": now.percent, "total": now.total,
        "version": _version(now),
    }  # fmt: skip
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a batch."""
    batch = service.cancel_batch(batch=queries.batch_for(user_of(request), pk))
    return JsonResponse({"page": batch.get_absolute_url()}) if wants_json(request) else redirect(batch)


def _version(progress: Progress) -> str:
    """Whatever the page shows of a batch is another when this is; only the clock is left out."""
    numbers = (*progress.states.values(), *progress.decisions.values(), progress.to_review)
    return "-".join([progress.state, *map(str, numbers)])


def _reruns(batch: Batch, progress: Progress) -> dict[str, Any]:
    """The batch's films by other models: where they were, and which models are left."""
    if not progress.is_final:
        return {}
    again = list(batch.reruns.select_related("model").defer("model__card"))
    cancelled = {one.pk for one in again if progress_of(one).state == "cancelled"}
    used = {batch.model.name, *(one.model.name for one in again if one.pk not in cancelled)}
    return {"reruns": again, "other_models": [name for name in model_names() if name not in used]}


def _films(request: HttpRequest, batch: Batch, progress: Progress) -> dict[str, Any]:
    """One page of films as the address asks, and the beginning of the refusals."""
    wanted = {name: request.GET.get(name, "") for name in ("state", "decision", "bar", "sort")}
    filters = {name: wanted[name] for name in ("state", "decision", "bar")}
    rows = queries.films_of(batch, **filters, sort=wanted["sort"] or "sent")
    total = counts.count_films(batch.pk, **filters)
    refused = [
        film for state in Film.REFUSED_STATES for film in queries.films_of(batch, state=state)[:REFUSALS_SHOWN]
    ]
    view = request.GET.get("view", "")
    return {
        "page": page_of(rows, FILMS_A_PAGE, total, request.GET.get("page")),
        "view": view if view in VIEWS else VIEWS[0],
        "sort": wanted["sort"] or "sent",
        "filters": wanted,
        "bar_words": sentences.bar_words(wanted["bar"]),
        "refused": refused,
        "refused_total": progress.refused,
    }
