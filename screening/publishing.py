"""Messages to the workers. A message is a hint, the rows are the queue: any may be lost or come twice."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from screening.config.celery import BULK, SMALL
from screening.models import Batch, XRay

log = logging.getLogger(__name__)


def publish_batch(batch: Batch) -> None:
    """Publish every waiting film of a submitted batch, in chunks; small batches go ahead of large ones."""
    waiting = list(
        XRay.objects.filter(batch=batch, state=XRay.State.QUEUED)
        .order_by("created_at", "id")
        .values_list("pk", flat=True)
    )
    publish(waiting, queue=SMALL if len(waiting) <= settings.SMALL_BATCH_FILMS else BULK)


def publish(films: Sequence[UUID], *, queue: str, chunk: int | None = None) -> None:
    """Publish films in chunks. A broker that is away costs nothing but time: the sweep publishes again."""
    from screening.tasks import screen_chunk  # tasks import services, which import this

    XRay.objects.filter(pk__in=films, state=XRay.State.QUEUED).update(published_at=Now())
    try:
        for ids in _chunks(films, chunk or settings.CHUNK_FILMS):
            screen_chunk.apply_async(args=([str(pk) for pk in ids],), queue=queue)
    except (OperationalError, OSError) as error:
        log.warning("broker away, %d films wait for the sweep: %s", len(films), error)


def _chunks(films: Sequence[UUID], size: int) -> list[Sequence[UUID]]:
    return [films[start : start + size] for start in range(0, len(films), size)]
