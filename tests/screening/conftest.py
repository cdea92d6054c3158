"""Fixtures of the tests that stand where a worker stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db.models.functions import Now

from screening.models import Batch


@pytest.fixture
def published() -> Iterator[Any]:
    """What is published goes nowhere."""
    with patch("screening.publishing.publish_films") as sent:
        yield sent


@pytest.fixture
def backlog() -> Iterator[Any]:
    """Messages that wait in the broker."""
    with patch("screening.publishing.count_waiting_messages", return_value=0) as waiting:
        yield waiting


@pytest.fixture
def running(batch: Batch) -> Batch:
    """A submitted batch."""
    Batch.objects.filter(pk=batch.pk).update(submitted_at=Now())
    batch.refresh_from_db()
    return batch
