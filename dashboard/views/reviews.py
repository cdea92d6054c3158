"""The reviewers' queue and their verdicts."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import staff_of, text_of
from screening import queries
from screening.services import reviews
from screening.triage import FLAG_WORDS

FILMS_A_PAGE = 30


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Flagged films without a verdict, oldest first."""
    staff_of(request)
    # The cards are large, and the queue needs none.
    films = queries.review_queue().defer("batch__model__card")
    page = Paginator(films, FILMS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "dashboard/reviews.html", {"page": page, "flag_words": FLAG_WORDS})


@require_POST
def give(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter a verdict; who came from the queue goes on to its next film."""
    reviewer = staff_of(request)
    film = queries.film_for(reviewer, pk)
    entry = reviews.review(
        film=film,
        reviewer=reviewer,
        verdict=text_of(request, "verdict"),
        note=text_of(request, "note"),
    )
    messages.success(request, f"{entry.get_verdict_display()}ed: {film.original_name}")
    if "queue" not in request.POST:
        return redirect(film)
    following = queries.next_to_review(film)
    if following is None:
        return redirect("reviews")
    return redirect(f"{reverse('film', args=[following.pk])}?queue=1")
