"""Template context of every page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from screening.accounts.access import is_reviewer
from screening.batches import queries
from screening.reading.queries import review_queue

MAX_COUNT = 1_000  # films to review; on every page, an exact count of more would take too long


def notice(request: HttpRequest) -> dict[str, Any]:
    """Return the notice and, for reviewers, the number of films to review."""
    user = getattr(request, "user", None)  # missing where a middleware refused the request early
    films_to_review: Any = 0
    reviewer = user is not None and is_reviewer(user)
    if reviewer:
        films_to_review = SimpleLazyObject(lambda: queries.count_up_to(review_queue().order_by(), MAX_COUNT))
    return {
        "NOTICE": settings.NOTICE,
        "films_to_review": films_to_review,
        "may_read": reviewer,
        "max_count": MAX_COUNT,
    }
