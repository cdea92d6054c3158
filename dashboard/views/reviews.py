"""Flagged films as a list, and verdicts given on a film's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST, require_safe

from dashboard import reading_words
from dashboard.access import reviewer_of, text_of
from dashboard.templatetags.screens import LABELS
from screening import queries
from screening.errors import ScreeningError
from screening.models import XRay
from screening.services import reviews

if TYPE_CHECKING:  # generic for the type checker, a plain class when run
    _Paginator = Paginator[XRay]
else:
    _Paginator = Paginator

FILMS_A_PAGE = 30
STATES = [state.value for state in XRay.ReviewState if state != XRay.ReviewState.NOT_NEEDED]
HEADINGS = {
    "pending": "to review",
    "disputed": "about which readers differ",
    "confirmed": "confirmed",
    "overturned": "overturned",
    "unreadable": "called unreadable",
}


class BoundedPaginator(_Paginator):
    """Counts no further than a person pages."""

    @cached_property
    def count(self) -> int:
        """Films, at most ``COUNTED_AT_MOST``."""
        return queries.count_up_to(self.object_list, queries.COUNTED_AT_MOST)  # type: ignore[arg-type]


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Flagged films in one state of review, oldest first; those without a verdict unless another state is chosen."""
    reviewer_of(request)
    state = request.GET.get("state", "pending")
    if state not in STATES:
        raise ScreeningError(
            "filter_unknown", f"state={state!r} is unknown; choose one of: {', '.join(STATES)}.", 400
        )
    page = BoundedPaginator(queries.review_queue(state), FILMS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "state": state,
        "more": page.paginator.count >= queries.COUNTED_AT_MOST,
        "words": HEADINGS[state],
        "states": [(value, LABELS.get(value, value.capitalize())) for value in STATES],
        "from": "?queue=1" if state == "pending" else "",
    }
    return render(request, "dashboard/reviews.html", context)


@require_POST
def give(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter a verdict; who came from the list goes on to its next film."""
    reviewer = reviewer_of(request)
    film = queries.film_for(reviewer, pk)
    entry = reviews.review(
        film=film,
        reviewer=reviewer,
        verdict=text_of(request, "verdict"),
        note=text_of(request, "note"),
    )
    messages.success(request, f"{reading_words.PAST[entry.verdict]}: {film.original_name}")
    if "queue" not in request.POST:
        return redirect(film)
    following = queries.next_to_review(film)
    if following is None:
        return redirect("reviews")
    return redirect(f"{reverse('film', args=[following.pk])}?queue=1")
