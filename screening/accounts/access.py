"""Access rules: which user may read films."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User

REVIEWER_GROUP = "reviewer"  # the group


def is_reviewer(user: User | AnonymousUser) -> bool:
    """Return whether a user may read films: staff, and members of the group ``reviewer``."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_staff:
        return True
    known: dict[str, Any] = user.__dict__  # the answer stays with the request's user
    if "_reviewer" not in known:
        known["_reviewer"] = user.groups.filter(name=REVIEWER_GROUP).exists()
    return bool(known["_reviewer"])
