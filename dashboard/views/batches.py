"""The page of a batch: progress, films, and the reasons of refusals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import user_of
from dashboard.errors import wants_json
from dashboard.presentation import expected_decisions, sentences
from dashboard.presentation.script_settings import upload_settings
from dashboard.presentation.shared_context import batch_context
from screening.batches import counts, queries
from screening.batches import services as service
from screening.batches.pagination import page_of
from screening.batches.progress import Progress, progress_of
from screening.intake.limits import upload_limits_of
from screening.model_versions import card_of, model_names
from screening.models import Batch, Film

FILMS_A_PAGE = 60
MAX_REFUSED_SHOWN = 50
VIEWS = ("grid", "table")


@require_safe
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a batch; the page's script requests it again during screening and updates the parts that have changed."""
    user = user_of(request)
    found = queries.batch_for(user, pk)
    progress = progress_of(found)
    allowance = upload_limits_of(user)
    context = {
        **batch_context(found, progress),
        "expected": expected_decisions.expectation(card_of(found.model)),
        "final": progress.is_final,
        "version": _version(progress),
        **vars(allowance),
        "upload_settings": upload_settings(user.pk, allowance, found),
        **_reruns(found, progress),
        "state_chips": sentences.state_chips(progress),
        "decision_chips": sentences.decision_chips(progress),
        **_films(request, found, progress),
    }
    if "X-Live" in request.headers:  # the script does not show messages; they stay for the next page
        context["messages"] = []
    return render(request, "dashboard/batch/batch.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Return the batch's progress; the script polls it, and requests the page when the version has changed."""
    now = progress_of(queries.batch_for(user_of(request), pk))
    answer = {
        "state": now.state, "final": now.is_final, "percent": now.percent, "total": now.total,
        "version": _version(now),
    }  # fmt: skip
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel a batch."""
    batch = service.cancel_batch(batch=queries.batch_for(user_of(request), pk))
    return JsonResponse({"page": batch.get_absolute_url()}) if wants_json(request) else redirect(batch)


def _version(progress: Progress) -> str:
    """Return a text that changes whenever the page changes, apart from durations."""
    numbers = (*progress.states.values(), *progress.decisions.values(), progress.to_review)
    return "-".join([progress.state, *map(str, numbers)])


def _reruns(batch: Batch, progress: Progress) -> dict[str, Any]:
    """Return the re-runs of a finished batch, and the models that have not screened it."""
    if not progress.is_final:
        return {}
    reruns = list(batch.reruns.select_related("model").defer("model__card"))
    cancelled = {rerun.pk for rerun in reruns if progress_of(rerun).state == "cancelled"}
    used = {batch.model.name, *(rerun.model.name for rerun in reruns if rerun.pk not in cancelled)}
    return {"reruns": reruns, "other_models": [name for name in model_names() if name not in used]}


def _films(request: HttpRequest, batch: Batch, progress: Progress) -> dict[str, Any]:
    """Return one page of films by the filters of the address, and the first refused films."""
    wanted = {name: request.GET.get(name, "") for name in ("state", "decision", "bar", "sort")}
    filters = {name: wanted[name] for name in ("state", "decision", "bar")}
    rows = queries.films_of(batch, **filters, sort=wanted["sort"] or "sent")
    total = counts.count_films(batch.pk, **filters)
    refused = [
        film for state in Film.REFUSED_STATES for film in queries.films_of(batch, state=state)[:MAX_REFUSED_SHOWN]
    ]
    view = request.GET.get("view", "")
    return {
        "page": page_of(rows, FILMS_A_PAGE, total, request.GET.get("page")),
        "view": view if view in VIEWS else VIEWS[0],
        "sort": wanted["sort"] or "sent",
        "filters": wanted,
        "bar_label": sentences.bar_label(wanted["bar"]),
        "refused": refused,
        "refused_total": progress.refused,
    }
