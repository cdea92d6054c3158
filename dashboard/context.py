"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from screening import queries


def notice(request: HttpRequest) -> dict[str, Any]:
    """The notice that this is no diagnostic device and, for reviewers, how many films wait for them."""
    user = getattr(request, "user", None)  # absent where a middleware refused the request early
    waiting: Any = 0
    if user is not None and user.is_authenticated and user.is_staff:
        waiting = SimpleLazyObject(lambda: queries.review_queue().count())
    return {"NOTICE": settings.NOTICE, "films_to_review": waiting}
