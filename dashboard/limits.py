"""What may be sent, shown before anything is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from screening.allowance import allowance_of


def limits_for(user: User) -> dict[str, Any]:
    """What the upload form says of the limits, and what is left of the user's own."""
    return dict(vars(allowance_of(user)))
