"""List of flagged films, and verdicts given on the page of a film."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import posted_text, require_reviewer
from dashboard.presentation import reading_sentences
from dashboard.templatetags.screens import LABELS
from screening.batches import queries
from screening.batches.pagination import MAX_COUNTED, BoundedPaginator
from screening.errors import unknown_choice
from screening.models import Film
from screening.reading import reviews
from screening.reading.queries import next_to_review, review_queue

FILMS_A_PAGE = 30
STATES = [state.value for state in Film.ReviewState if state != Film.ReviewState.NOT_NEEDED]
HEADINGS = {
    "pending": "to review",
    "disputed": "on which readers disagree",
    "confirmed": "confirmed",
    "overturned": "overturned",
    "unreadable": "marked unreadable",
}


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show the flagged films in one state of review, oldest first; by default those without a verdict."""
    require_reviewer(request)
    state = request.GET.get("state", "pending")
    if state not in STATES:
        raise unknown_choice("state", state, STATES)
    page = BoundedPaginator(review_queue(state), FILMS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "state": state,
        "more": page.paginator.count >= MAX_COUNTED,
        "heading": HEADINGS[state],
        "states": [(value, LABELS.get(value, value.capitalize())) for value in STATES],
        "from": "?queue=1" if state == "pending" else "",
    }
    return render(request, "dashboard/reading/reviews.html", context)


@require_POST
def record_verdict(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record a verdict; from the list of films, go on to its next film."""
    reviewer = require_reviewer(request)
    film = queries.film_for(reviewer, pk)
    entry = reviews.record_review(
        film=film,
        reviewer=reviewer,
        verdict=posted_text(request, "verdict"),
        note=posted_text(request, "note"),
    )
    messages.success(request, f"{reading_sentences.VERDICT_LABELS[entry.verdict]}: {film.original_name}")
    if "queue" not in request.POST:
        return redirect(film)
    following = next_to_review(film)
    if following is None:
        return redirect("reviews")
    return redirect(f"{reverse('film', args=[following.pk])}?queue=1")
