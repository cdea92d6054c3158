"""Messages to the workers. A message is a hint, the rows are the queue: any may be lost or come twice."""

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

SCREEN = "screening.tasks.screen_chunk"  # by name: the web process has no need of what the task imports
BROKER_ERRORS = (OperationalError, RedisError, OSError)  # what a broker raises that is not there
SMALLEST_CHUNK = 8  # films; one pass of the network
WaitingFilm = tuple[UUID, int, int]  # id, width and height in pixels


def publish_batch(batch: Batch) -> None:
    """Publish every waiting film of a submitted batch, in chunks; small batches go ahead of large ones."""
    waiting = _waiting(Q(batch=batch))
    _send(waiting, SMALL if len(waiting) <= settings.SMALL_BATCH_FILMS else BULK, settings.CHUNK_FILMS)


def publish(films: Sequence[UUID], *, queue: str, alone: bool = False) -> None:
    """Publish films, in chunks in the order they were sent, or each alone.

    A broker that is away costs nothing but time: the sweep publishes again.
    """
    _send(_waiting(Q(pk__in=films)), queue, 1 if alone else settings.CHUNK_FILMS)


def _waiting(which: Q) -> list[WaitingFilm]:
    films = Film.objects.filter(which, state=Film.State.QUEUED).order_by("created_at", "id")
    return list(films.values_list("pk", "width", "height"))


def _send(waiting: Sequence[WaitingFilm], queue: str, most: int) -> None:
    try:
        with app.producer_or_acquire() as producer:
            for ids in _chunks(waiting, most):
                app.send_task(SCREEN, args=([str(pk) for pk in ids],), queue=queue, producer=producer)
    except BROKER_ERRORS as error:
        log.warning("broker away, %d films wait for the sweep: %s", len(waiting), error)


def backlog() -> int:
    """Messages that wait in the broker; 0 where it cannot be asked."""
    try:
        return sum(int(_broker().llen(name)) for name in (SMALL, BULK))
    except BROKER_ERRORS as error:
        log.warning("broker away: %s", error)
        return 0


@cache
def _broker() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def _chunks(films: Sequence[WaitingFilm], most: int) -> Iterator[list[UUID]]:
    """Cut into chunks of at most ``most`` films and ``CHUNK_MEGAPIXELS``; a larger film is a chunk of its own.

    Towards the end they get smaller (guided self-scheduling: Polychronopoulos and Kuck, IEEE Transactions on
    Computers, 1987), so that no process has a whole chunk left when the others have nothing more to do.
    """
    chunk: list[UUID] = []
    pixels, room = 0, most
    for number, (pk, width, height) in enumerate(films):
        if chunk and (len(chunk) == room or pixels + width * height > settings.CHUNK_MEGAPIXELS * 1_000_000):
            yield chunk
            chunk, pixels = [], 0
        if not chunk:
            room = min(most, max(SMALLEST_CHUNK, (len(films) - number) // (2 * settings.CUT_FOR_PROCESSES)))
        chunk.append(pk)
        pixels += width * height
    if chunk:
        yield chunk
