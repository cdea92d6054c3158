"""Films in any state, without the way there."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User

from screening.models import Batch, Film
from screening.worker.inference import Pictures, Screened

PICTURES = Pictures(b"display", b"thumb")


def screened(score: float, decision: str) -> Screened:
    return Screened(score, decision, 0.01, PICTURES)


def film(batch: Batch, number: int = 0, **fields: Any) -> Film:
    """A row as it might stand, by default waiting."""
    defaults: dict[str, Any] = {
        "original_name": f"film-{number}.png",
        "sha256": f"{number:064x}",
        "bytes": 1000,
        "kept_bytes": 1000,
        "kind": "png",
        "state": Film.State.QUEUED,
        "stored": True,
    }
    return Film.objects.create(batch=batch, **{**defaults, **fields})


def done(batch: Batch, number: int = 0, score: float = 0.9, decision: str = "positive", **fields: Any) -> Film:
    """A screened film."""
    return film(batch, number, state=Film.State.DONE, score=score, decision=decision, **{"pictured": True, **fields})


def reviewer(name: str) -> User:
    """A user who may read films and is not staff."""
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    return user
