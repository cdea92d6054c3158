"""Messages to the workers. The rows are the queue and a message only a hint: it may be lost or delivered twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from screening.config.celery import BULK, SMALL, app
from screening.models import Batch, Film

log = logging.getLogger(__name__)

SCREEN_TASK = "screening.tasks.screen_chunk"  # by name: the web process must not import the worker
BROKER_ERRORS = (OperationalError, RedisError, OSError)  # raised while the broker is not available
MIN_CHUNK_FILMS = 8  # one pass of the network
WaitingFilm = tuple[UUID, int, int]  # id, width and height in pixels


def publish_batch(batch: Batch) -> None:
    """Publish every waiting film of a submitted batch, in chunks; small batches overtake large ones."""
    waiting = _waiting_films(Q(batch=batch))
    _send_chunks(waiting, SMALL if len(waiting) <= settings.SMALL_BATCH_FILMS else BULK, settings.CHUNK_FILMS)


def publish_films(films: Sequence[UUID], *, queue: str, alone: bool = False) -> None:
    """Publish films in chunks, in the order they were sent, or each in a message of its own.

    Nothing is raised while the broker is not available: the sweep publishes the films again.

    Args:
        films: the films; those that are not QUEUED are left out.
        queue: ``small`` or ``bulk``.
        alone: each film gets a message of its own.
    """
    _send_chunks(_waiting_films(Q(pk__in=films)), queue, 1 if alone else settings.CHUNK_FILMS)


def _waiting_films(condition: Q) -> list[WaitingFilm]:
    films = Film.objects.filter(condition, state=Film.State.QUEUED).order_by("created_at", "id")
    return list(films.values_list("pk", "width", "height"))


def _send_chunks(waiting: Sequence[WaitingFilm], queue: str, max_films: int) -> None:
    try:
        with app.producer_or_acquire() as producer:
            for ids in _iter_chunks(waiting, max_films):
                app.send_task(SCREEN_TASK, args=([str(pk) for pk in ids],), queue=queue, producer=producer)
    except BROKER_ERRORS as error:
        log.warning("the broker is not available, %d films wait for the sweep: %s", len(waiting), error)


def count_waiting_messages() -> int:
    """Return the number of messages that wait in the broker; 0 while it is not available."""
    try:
        return sum(int(_broker_client().llen(name)) for name in (SMALL, BULK))
    except BROKER_ERRORS as error:
        log.warning("the broker is not available: %s", error)
        return 0


@cache
def _broker_client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def _iter_chunks(films: Sequence[WaitingFilm], max_films: int) -> Iterator[list[UUID]]:
    """Yield chunks of at most ``max_films`` films and ``CHUNK_MEGAPIXELS``; a larger film is a chunk of its own.

    Chunks get smaller towards the end (guided self-scheduling: Polychronopoulos and Kuck, IEEE Transactions on
    Computers, 1987), so that no process still has a full chunk when the others are idle.
    """
    chunk: list[UUID] = []
    pixels, room = 0, max_films
    for number, (pk, width, height) in enumerate(films):
        if chunk and (len(chunk) == room or pixels + width * height > settings.CHUNK_MEGAPIXELS * 1_000_000):
            yield chunk
            chunk, pixels = [], 0
        if not chunk:
            room = min(max_films, max(MIN_CHUNK_FILMS, (len(films) - number) // (2 * settings.CUT_FOR_PROCESSES)))
        chunk.append(pk)
        pixels += width * height
    if chunk:
        yield chunk
