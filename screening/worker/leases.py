"""What a worker does with films, and what the sweep does for films that a worker or the broker lost."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from ml.errors import Reason
from screening import publishing
from screening.batches import counts_compaction
from screening.codes import film_codes
from screening.config.celery import BULK, SMALL
from screening.config.limits import time_limits
from screening.intake.inspection import ARCHIVE
from screening.models import ORIGINAL, Batch, Film
from screening.storage import local as storage
from screening.worker import statements as statements
from screening.worker import triage
from screening.worker.inference import Pictures, Screened

State, ReviewState = Film.State, Film.ReviewState

NOTHING_SAID: dict[str, Any] = {
    "code": "", "reason": "", "step": "", "score": None, "decision": "", "seconds": None, "notes": [],
    "pictured": False, "mapped": False,
}  # fmt: skip
MOST_A_SWEEP = 5_000  # films; the rest waits for the next one


@dataclass(frozen=True)
class Refusal:
    """Why a film in a worker's hands ends without a score: FAILED, or REJECTED by the model's gate."""

    reason: Reason
    step: str = "worker"
    state: Film.State = State.FAILED
    pictured: bool = False


def claim(ids: Sequence[UUID]) -> list[Film]:
    """Take waiting films of submitted batches: QUEUED -> RUNNING, one attempt more, under a lease.

    Films that another worker has, that are final, or whose batch is not open for work are left out. So are films
    that were tried before, unless they come alone: one that kills its process must not take neighbours with it.

    Returns:
        the films won, in the order they were sent, each with its batch's model (without its card).
    """
    lease = _lease()
    won = list(Film.objects.raw(statements.CLAIM, {"ids": list(ids), "lease": lease, "alone": len(ids) == 1}))
    batches = Batch.objects.select_related("model").only("model__name", "model__digest")
    found = batches.in_bulk({film.batch_id for film in won})
    for film in won:
        film.batch = found[film.batch_id]
    return sorted(won, key=lambda film: (film.created_at, film.pk))


def read_original(film: Film) -> bytes:
    """The bytes of a film.

    Raises:
        OSError: when the storage does not give them.
    """
    with default_storage.open(film.storage_name(ORIGINAL)) as file:
        return bytes(file.read())


def store_pictures(film: Film, pictures: Pictures, overlay: bytes | None = None) -> None:
    """Keep what people see of a film; a second attempt replaces the first one's."""
    parts = {"display.jpg": pictures.display, "thumb.jpg": pictures.thumbnail}
    if overlay is not None:
        parts["map.png"] = overlay
    for part, data in parts.items():
        storage.put(film.storage_name(part), data)


def record(results: Sequence[tuple[Film, Screened | Refusal]]) -> int:
    """Store results and move their films to DONE, FAILED or REJECTED, in one statement.

    Their pictures are on the disk before a row says there are any. A film this worker no longer holds (its
    lease ran out and another attempt began) is left alone.

    Returns:
        how many films were written.
    """
    if not results:
        return 0
    storage.make_all_durable()
    rows = json.dumps([_row(film, result) for film, result in results])
    with connection.cursor() as cursor:
        cursor.execute(statements.RECORD, {"rows": rows})
        return int(cursor.fetchone()[0])


def hand_back(films: Sequence[Film], refusal: Refusal) -> None:
    """Give up an attempt: back to the queue one film a message, or FAILED when it was the last attempt.

    One film a message, so that a film which kills its process cannot take its neighbours with it again.
    """
    last = [film for film in films if film.attempts >= settings.MAX_ATTEMPTS]
    record([(film, refusal) for film in last])
    again = [film for film in films if film.attempts < settings.MAX_ATTEMPTS]
    with transaction.atomic():
        held = _held(again)
        Film.objects.filter(pk__in=held).update(state=State.QUEUED, lease_until=None, published_at=Now())
        transaction.on_commit(lambda: publishing.publish(sorted(held), queue=SMALL, alone=True))


def postpone(films: Sequence[Film]) -> None:
    """Give up an attempt that failed for a reason outside the films: it does not count, and the sweep tries later."""
    if not films:
        return
    with transaction.atomic():
        held = _held(films)
        Film.objects.filter(pk__in=held).update(
            state=State.QUEUED, lease_until=None, published_at=Now(), attempts=F("attempts") - 1
        )


def sweep() -> dict[str, int]:
    """Find the films that nobody is working on and see to them.

    Leases that ran out: back to the queue, or FAILED after the last attempt. Films that have waited long
    since they were published: published again. Waiting films of cancelled batches: CANCELLED.

    Returns:
        films seen to, by what was done.
    """
    lease = _lease()
    # A lease that ends later than any lease can was given before the database's clock was set back.
    over = Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + Value(2 * lease))
    lost = list(Film.objects.filter(over, state=State.RUNNING)[:MOST_A_SWEEP])
    hand_back(
        lost,
        Refusal(film_codes.WORKER_LOST.reason(attempts=settings.MAX_ATTEMPTS), film_codes.WORKER_LOST.stage),
    )
    done = {"lost": len(lost), "stale": _publish_stale(), "cancelled": _cancel_leftovers()}
    counts_compaction.merge()
    return done


def _held(films: Sequence[Film]) -> set[UUID]:
    """Lock those of the films whose attempt is still the one this worker began."""
    attempts: dict[int, list[UUID]] = defaultdict(list)
    for film in films:
        attempts[film.attempts].append(film.pk)
    mine = Q(pk__in=[])
    for attempt, ids in attempts.items():
        mine |= Q(attempts=attempt, pk__in=ids)
    rows = Film.objects.select_for_update().filter(mine, state=State.RUNNING)
    return set(rows.values_list("pk", flat=True))


def _row(film: Film, result: Screened | Refusal) -> dict[str, Any]:
    """What a film's row will say, as :data:`statements.RECORD` takes it."""
    held = {"id": str(film.pk), "attempts": film.attempts, "model_id": film.batch.model_id}
    if isinstance(result, Refusal):
        row = _refused(film, result)
    else:
        flags = triage.flags_of(result.decision, film.sha256, settings.AUDIT_SAMPLE)
        row = {
            **NOTHING_SAID, "state": State.DONE, "score": result.score, "decision": result.decision, "flags": flags,
            "pictured": True, "mapped": result.overlay is not None, "notes": list(result.notes),
            "seconds": result.seconds,
        }  # fmt: skip
    return {**held, **row, "review_state": ReviewState.PENDING if row["flags"] else ReviewState.NOT_NEEDED}


def _refused(film: Film, result: Refusal) -> dict[str, Any]:
    # An archive shows nothing that anybody could read.
    flags = [triage.FLAG_FAILED] if result.state == State.FAILED and film.kind != ARCHIVE else []
    return {
        **NOTHING_SAID, "state": result.state, "code": result.reason.code, "reason": result.reason.detail[:400],
        "step": result.step, "pictured": result.pictured, "flags": flags,
    }  # fmt: skip


def _lease() -> timedelta:
    return timedelta(seconds=time_limits(settings.CHUNK_SECONDS).lease)


def _publish_stale() -> int:
    """Publish again what was published so long ago that its message must be lost.

    While messages wait in the broker, a film may simply not have had its turn yet, so patience is longer then: or
    each sweep would double the queue of a large batch.
    """
    limit = time_limits(settings.CHUNK_SECONDS)
    patience = timedelta(seconds=limit.visibility if publishing.backlog() else limit.lease)
    long_ago = Now() - Value(patience)
    soon = Now() + Value(_lease())  # what lies beyond was noted before the clock was set back
    # The first time, all films of a batch are published with its submission, which no film's row repeats.
    first = Q(published_at=None) & (Q(batch__submitted_at__lt=long_ago) | Q(batch__submitted_at__gt=soon))
    again = Q(published_at__lt=long_ago) | Q(published_at__gt=soon)
    stale = Film.objects.filter(
        first | again, state=State.QUEUED, batch__submitted_at__isnull=False, batch__cancelled_at=None
    ).order_by("created_at", "id")
    fresh = list(stale.filter(attempts=0).values_list("pk", flat=True)[:MOST_A_SWEEP])
    tried = list(stale.filter(attempts__gt=0).values_list("pk", flat=True)[:MOST_A_SWEEP])
    Film.objects.filter(pk__in=[*fresh, *tried], state=State.QUEUED).update(published_at=Now())
    if fresh:
        publishing.publish(fresh, queue=BULK)
    if tried:
        publishing.publish(tried, queue=SMALL, alone=True)
    return len(fresh) + len(tried)


def _cancel_leftovers() -> int:
    from screening.batches.services import cancel_waiting

    batches = Batch.objects.filter(cancelled_at__isnull=False, films__state=State.QUEUED).distinct()
    return sum(cancel_waiting(batch) for batch in batches)
