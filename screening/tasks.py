"""The Celery tasks; they only call the worker's functions."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from screening.intake import archive_bytes
from screening.worker import chunk, leases, viewer_rendering
from screening.worker import lifecycle as lifecycle  # connects the signals of a worker's start
from screening.worker.sweep import sweep_films

log = logging.getLogger(__name__)


@shared_task
def screen_chunk(ids: list[str]) -> None:
    """Screen the films of a message that no other worker holds."""
    named = [UUID(pk) for pk in ids]
    films = leases.claim_films(named)
    if len(films) < len(named):
        archive_bytes.delete_released_bytes(set(named) - {film.pk for film in films})
    chunk.process_films(films)


@shared_task
def sweep() -> None:
    """Put films right that no worker is going to process."""
    done = sweep_films()
    if any(done.values()):
        log.info("sweep: %s", done)


@shared_task(acks_late=False)  # the viewer requests it again; a film that kills its process must not be retried here
def render_pixels(pk: str) -> None:
    """Render a film's pixel values for the viewer."""
    viewer_rendering.render_film(UUID(pk))
