"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from screening.batches import queries

MOST = 1_000  # films to review; beyond that the exact number is not worth its time on every page


def notice(request: HttpRequest) -> dict[str, Any]:
    """The notice that this is no diagnostic device and, for reviewers, how many films wait for them."""
    user = getattr(request, "user", None)  # absent where a middleware refused the request early
    waiting: Any = 0
    reviewer = user is not None and queries.is_reviewer(user)
    if reviewer:
        waiting = SimpleLazyObject(lambda: queries.count_up_to(queries.review_queue().order_by(), MOST))
    return {"NOTICE": settings.NOTICE, "films_to_review": waiting, "may_read": reviewer, "many": MOST}
