"""What a worker makes of errors that a decoder did not foresee."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from screening import tasks
from screening.models import Batch, Film
from tests.screening.factories import film


@contextmanager
def decoder_raising(error: type[Exception]) -> Iterator[None]:
    """Every film's bytes are there, and decoding them ends like this."""
    with (
        patch("screening.worker.leases.read_original", return_value=b"film"),
        patch("screening.worker.inference.decode_film", side_effect=error),
    ):
        yield


def test_a_film_that_takes_too_much_memory_is_tried_once_more_alone(running: Batch, published: Any) -> None:
    greedy, neighbour = film(running, 1), film(running, 2)
    with decoder_raising(MemoryError):
        tasks.screen_chunk([str(greedy.pk), str(neighbour.pk)])
        assert set(Film.objects.values_list("state", "attempts")) == {("queued", 1)}
        tasks.screen_chunk([str(greedy.pk)])
    greedy.refresh_from_db()
    assert (greedy.state, greedy.code, greedy.attempts) == ("failed", "too_much_memory", 2)
    assert "memory" in greedy.reason
    neighbour.refresh_from_db()
    assert neighbour.state == "queued"


def test_a_film_nested_without_end_is_damaged(running: Batch) -> None:
    deep = film(running)
    with decoder_raising(RecursionError):
        tasks.screen_chunk([str(deep.pk)])
    deep.refresh_from_db()
    assert (deep.state, deep.code, deep.attempts) == ("failed", "damaged_pixels", 1)


@pytest.mark.usefixtures("published")
def test_another_error_is_tried_three_times(running: Batch) -> None:
    broken = film(running)
    with decoder_raising(ZeroDivisionError):
        for _ in range(3):
            tasks.screen_chunk([str(broken.pk)])
    broken.refresh_from_db()
    assert (broken.state, broken.code, broken.attempts) == ("failed", "worker_error", 3)
    assert "ZeroDivisionError" in broken.reason
