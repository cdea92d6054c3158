"""What the tests of the reading room share: films that wait, readers, and the way to a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from screening.models import Batch, Film, Review
from screening.reading import services as reading
from tests.screening.factories import done, reviewer

POSITIVE_TURN, UNCERTAIN_TURN, AUDIT_TURN = (lambda: 0.1), (lambda: 0.7), (lambda: 0.9)


@pytest.fixture(autouse=True)
def single_readings(settings: Any) -> None:
    settings.DOUBLE_READING_SHARE = 0.0
    settings.GOLD_SHARE = 0.0


@pytest.fixture
def other(db: None) -> User:
    """A reviewer who is not staff."""
    return reviewer("other")


@pytest.fixture
def third(db: None) -> User:
    return User.objects.create_user("third", is_staff=True)


def waiting(batch: Batch, number: int = 0, decision: str = "positive", score: float = 0.9, **fields: Any) -> Film:
    flag = {"negative": "sampled"}.get(decision, decision)
    return done(batch, number, score, decision, flags=[flag], review_state="pending", **fields)


def take(reader: User, lot: Callable[[], float] = POSITIVE_TURN) -> UUID:
    taken = reading.next_film(reader, lot)
    assert taken is not None
    return taken


def read(reader: User, answer: str, **more: Any) -> Review:
    return reading.record_verdict(reader=reader, film_id=take(reader), answer=answer, **more)


def state(film: Film) -> str:
    film.refresh_from_db()
    return film.review_state
