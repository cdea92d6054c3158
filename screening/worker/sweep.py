"""The periodic sweep: films that a dead worker held, films whose message was lost, films of cancelled batches."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q, Value
from django.db.models.functions import Now

from screening import publishing
from screening.batches import counts_compaction
from screening.batches.services import cancel_waiting_films
from screening.codes import film_codes
from screening.config.celery import BULK, SMALL
from screening.config.limits import time_limits
from screening.intake import archive_bytes
from screening.models import Batch, Film
from screening.worker import leases
from screening.worker.leases import Refusal

State = Film.State

MAX_FILMS = 5_000  # in one sweep, of each kind; the next sweep continues


def sweep_films() -> dict[str, int]:
    """Find the films that no worker is going to process, and put them right.

    Films whose lease has ended: queued again, or FAILED after the last attempt. Films that were published long ago
    and still wait: published again. Waiting films of cancelled batches: CANCELLED. Bytes of final archives: deleted.

    Returns:
        the number of films by what was done: ``lost``, ``stale`` and ``cancelled``.
    """
    done = {"lost": _retry_lost(), "stale": _publish_stale(), "cancelled": _cancel_leftovers()}
    archive_bytes.release_final_archives()
    archive_bytes.delete_released_bytes()
    archive_bytes.delete_lost_bytes()
    counts_compaction.merge_counts()
    return done


def _retry_lost() -> int:
    """Retry the films whose lease has ended, and return how many."""
    # A lease that ends later than any lease can was given before the database's clock was set back.
    ended = Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + Value(2 * leases.lease_duration()))
    lost = list(Film.objects.filter(ended, state=State.RUNNING)[:MAX_FILMS])
    code = film_codes.WORKER_LOST
    leases.retry_or_fail(lost, Refusal(code.reason(attempts=settings.MAX_ATTEMPTS), code.stage))
    return len(lost)


def _publish_stale() -> int:
    """Publish films again that were published so long ago that their message must be lost, and return how many.

    While messages wait in the broker, a film may just not have had its turn, so the limit is longer then; otherwise
    each sweep would double the queue of a large batch.
    """
    limit = time_limits(settings.CHUNK_SECONDS)
    max_wait = timedelta(seconds=limit.visibility if publishing.count_waiting_messages() else limit.lease)
    long_ago = Now() - Value(max_wait)
    future = Now() + Value(leases.lease_duration())  # later times were written before the clock was set back
    # All films of a batch are published first with its submission; no film's row repeats that time.
    first = Q(published_at=None) & (Q(batch__submitted_at__lt=long_ago) | Q(batch__submitted_at__gt=future))
    again = Q(published_at__lt=long_ago) | Q(published_at__gt=future)
    stale = Film.objects.filter(
        first | again, state=State.QUEUED, batch__submitted_at__isnull=False, batch__cancelled_at=None
    ).order_by("created_at", "id")
    fresh = list(stale.filter(attempts=0).values_list("pk", flat=True)[:MAX_FILMS])
    tried = list(stale.filter(attempts__gt=0).values_list("pk", flat=True)[:MAX_FILMS])
    Film.objects.filter(pk__in=[*fresh, *tried], state=State.QUEUED).update(published_at=Now())
    if fresh:
        publishing.publish_films(fresh, queue=BULK)
    if tried:
        publishing.publish_films(tried, queue=SMALL, alone=True)
    return len(fresh) + len(tried)


def _cancel_leftovers() -> int:
    """Cancel the waiting films of cancelled batches, and return how many."""
    batches = Batch.objects.filter(cancelled_at__isnull=False, films__state=State.QUEUED).distinct()
    return sum(cancel_waiting_films(batch) for batch in batches)
