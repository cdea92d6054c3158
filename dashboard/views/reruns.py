"""A batch once more by another model, and what became of the scores."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import text_of, user_of
from screening.batches import comparison, queries, reruns
from screening.errors import NotFoundError
from screening.model_versions import model_by_name

FILMS_A_PAGE = 50


@require_POST
def rerun(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Screen the batch's films again with the model that was chosen."""
    user = user_of(request)
    batch = queries.batch_for(user, pk)
    return redirect(reruns.rerun_batch(batch=batch, model=model_by_name(text_of(request, "model")), owner=user))


@require_safe
def compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A re-run beside the batch that it runs again: flips, and the films that moved most."""
    user = user_of(request)
    again = queries.batch_for(user, pk)
    if again.rerun_of_id is None:
        raise NotFoundError("comparison")
    first = queries.batch_for(user, again.rerun_of_id)
    flips_only = "flips" in request.GET
    found = comparison.compare_models(again)
    films = Paginator(comparison.largest_score_changes(again, found, flips_only=flips_only), FILMS_A_PAGE)
    context = {
        "batch": again,
        "first": first,
        "comparison": found,
        "decisions": comparison.DECISIONS,
        "rows": list(zip(comparison.DECISIONS, found.table, strict=True)),
        "flips_only": flips_only,
        "page": films.get_page(request.GET.get("page")),
    }
    return render(request, "dashboard/batch/compare.html", context)
