"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from screening.accounts.access import is_reviewer
from screening.batches import queries
from screening.reading.queries import review_queue

MOST = 1_000  # films to review; beyond that the exact number is not worth its time on every page


def notice(request: HttpRequest) -> dict[str, Any]:
    """The notice that this is no diagnostic device and, for reviewers, how many films wait for them."""
    user = getattr(request, "user", None)  # absent where a middleware refused the request early
    waiting: Any = 0
    reviewer = user is not None and is_reviewer(user)
    if reviewer:
        waiting = SimpleLazyObject(lambda: queries.count_up_to(review_queue().order_by(), MOST))
    return {"NOTICE": settings.NOTICE, "films_to_review": waiting, "may_read": reviewer, "many": MOST}
