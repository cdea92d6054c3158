"""The first page: upload form and list of batches."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import user_of
from dashboard.presentation.script_settings import upload_settings
from screening.batches import queries
from screening.intake.limits import upload_limits_of
from screening.model_versions import model_names

BATCHES_A_PAGE = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the upload form and the user's batches, newest first."""
    user = user_of(request)
    # The list shows only the names of the models, not their cards, which are large.
    mine = queries.batches_for(user).defer("model__card")
    batches = Paginator(mine, BATCHES_A_PAGE)
    allowance = upload_limits_of(user)
    context = {
        "page": batches.get_page(request.GET.get("page")),
        "default_name": f"Study {timezone.now():%Y-%m-%d %H:%M}",
        "model_names": model_names(),
        **vars(allowance),
        "upload_settings": upload_settings(user.pk, allowance),
    }
    return render(request, "dashboard/batch/home.html", context)
