"""The Celery tasks, thin: ids in, the work elsewhere."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from screening import worker
from screening.services import work

log = logging.getLogger(__name__)


@shared_task
def screen_chunk(ids: list[str]) -> None:
    """Screen the films of a message that nobody else has."""
    worker.screen(work.claim([UUID(pk) for pk in ids]))


@shared_task
def sweep() -> None:
    """See to the films that nobody is working on."""
    done = work.sweep()
    if any(done.values()):
        log.info("sweep: %s", done)
