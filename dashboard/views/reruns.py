"""Re-runs: the films of a batch screened again by another model, and the comparison of the scores."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import posted_text, user_of
from screening.batches import comparison, queries, reruns
from screening.errors import NotFoundError
from screening.model_versions import model_by_name

FILMS_A_PAGE = 50


@require_POST
def rerun(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Screen the batch's films again with the chosen model."""
    user = user_of(request)
    batch = queries.batch_for(user, pk)
    return redirect(reruns.rerun_batch(batch=batch, model=model_by_name(posted_text(request, "model")), owner=user))


@require_safe
def compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Compare a re-run with its first run: changed decisions and largest changes of scores."""
    user = user_of(request)
    second = queries.batch_for(user, pk)
    if second.rerun_of_id is None:
        raise NotFoundError("comparison")
    first = queries.batch_for(user, second.rerun_of_id)
    flips_only = "flips" in request.GET
    found = comparison.compare_models(second)
    films = Paginator(comparison.largest_score_changes(second, found, flips_only=flips_only), FILMS_A_PAGE)
    context = {
        "batch": second,
        "first": first,
        "comparison": found,
        "decisions": comparison.DECISIONS,
        "rows": list(zip(comparison.DECISIONS, found.table, strict=True)),
        "flips_only": flips_only,
        "page": films.get_page(request.GET.get("page")),
    }
    return render(request, "dashboard/batch/compare.html", context)
