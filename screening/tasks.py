"""The Celery tasks, thin: ids in, the work elsewhere."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from screening.worker import chunk, leases, unpacking, viewer_rendering
from screening.worker import lifecycle as lifecycle  # connects the signals of a worker's start

log = logging.getLogger(__name__)


@shared_task
def screen_chunk(ids: list[str]) -> None:
    """Screen the films of a message that nobody else has."""
    named = [UUID(pk) for pk in ids]
    films = leases.claim(named)
    if len(films) < len(named):
        unpacking.discard_leftovers(set(named) - {film.pk for film in films})
    chunk.screen(films)


@shared_task
def sweep() -> None:
    """See to the films that nobody is working on."""
    done = leases.sweep()
    if any(done.values()):
        log.info("sweep: %s", done)


@shared_task(acks_late=False)  # who looks asks again; a film that kills its process must not come back by itself
def render_pixels(pk: str) -> None:
    """Render a film's own values for the viewer."""
    viewer_rendering.render(UUID(pk))
