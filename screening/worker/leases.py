"""Claims on films: a worker takes films under a lease, then records their results or releases them."""

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
from django.db.models import F, Q
from django.db.models.functions import Now

from ml.errors import NoteCode, Reason
from screening import publishing
from screening.config.celery import SMALL
from screening.config.limits import time_limits
from screening.intake.inspection import ARCHIVE_KIND
from screening.models import ORIGINAL, Batch, Film
from screening.models.film_columns import empty_result
from screening.storage import local as storage
from screening.worker import statements, triage
from screening.worker.inference import Pictures, Screened

State, ReviewState = Film.State, Film.ReviewState

NO_RESULT = {**empty_result(), "seconds": None}


@dataclass(frozen=True)
class Refusal:
    """The reason why a claimed film ends without a score: FAILED, or REJECTED by the model's gate."""

    reason: Reason
    step: str = "worker"
    state: Film.State = State.FAILED
    pictured: bool = False
    notes: tuple[NoteCode, ...] = ()


def claim_films(ids: Sequence[UUID]) -> list[Film]:
    """Claim waiting films of submitted batches: QUEUED -> RUNNING, one attempt more, under a lease.

    Films that another worker holds, that are final, or whose batch is not submitted or is cancelled are left out. So
    are films that were tried before, unless they come alone: a film that kills its process must not take others with
    it.

    Args:
        ids: the films of a message.

    Returns:
        the claimed films in the order they were sent, each with its batch's model (without its card).
    """
    parameters = {"ids": list(ids), "lease": lease_duration(), "alone": len(ids) == 1}
    claimed = list(Film.objects.raw(statements.CLAIM, parameters))
    batches = Batch.objects.select_related("model").only("model__name", "model__digest")
    batch_by_id = batches.in_bulk({film.batch_id for film in claimed})
    for film in claimed:
        film.batch = batch_by_id[film.batch_id]
    return sorted(claimed, key=lambda film: (film.created_at, film.pk))


def read_original(film: Film) -> bytes:
    """Return a film's cleaned bytes.

    Raises:
        OSError: the storage does not return them.
    """
    with default_storage.open(film.storage_name(ORIGINAL)) as file:
        return bytes(file.read())


def store_pictures(film: Film, pictures: Pictures, overlay: bytes | None = None) -> None:
    """Store a film's pictures. Those of an earlier attempt are replaced."""
    parts = {"display.jpg": pictures.display, "thumb.jpg": pictures.thumbnail}
    if overlay is not None:
        parts["map.png"] = overlay
    for part, data in parts.items():
        storage.put_file(film.storage_name(part), data)


def record_results(results: Sequence[tuple[Film, Screened | Refusal]]) -> int:
    """Store results and move their films to DONE, FAILED or REJECTED, in one statement.

    The pictures are on the disk before a row says that they exist. A film that this worker no longer holds (its lease
    ended and another attempt began) is left as it is.

    Args:
        results: claimed films, each with its result.

    Returns:
        the number of films written.
    """
    if not results:
        return 0
    storage.make_all_durable()
    rows = json.dumps([_result_row(film, result) for film, result in results])
    with connection.cursor() as cursor:
        cursor.execute(statements.RECORD, {"rows": rows})
        return int(cursor.fetchone()[0])


def retry_or_fail(films: Sequence[Film], refusal: Refusal) -> None:
    """End an attempt that failed: queue the films again, or record FAILED where it was the last attempt.

    Each film gets a message of its own, so that one which kills its process cannot take others with it again.

    Args:
        films: claimed films.
        refusal: recorded where the attempt was the last.
    """
    last = [film for film in films if film.attempts >= settings.MAX_ATTEMPTS]
    record_results([(film, refusal) for film in last])
    retried = [film for film in films if film.attempts < settings.MAX_ATTEMPTS]
    with transaction.atomic():
        held = _lock_held(retried)
        Film.objects.filter(pk__in=held).update(state=State.QUEUED, lease_until=None, published_at=Now())
        transaction.on_commit(lambda: publishing.publish_films(sorted(held), queue=SMALL, alone=True))


def release_without_attempt(films: Sequence[Film]) -> None:
    """End an attempt that failed for a reason outside the films. It does not count; the sweep retries later."""
    if not films:
        return
    with transaction.atomic():
        held = _lock_held(films)
        Film.objects.filter(pk__in=held).update(
            state=State.QUEUED, lease_until=None, published_at=Now(), attempts=F("attempts") - 1
        )


def lease_duration() -> timedelta:
    """Return how long a claim on a film is valid."""
    return timedelta(seconds=time_limits(settings.CHUNK_SECONDS).lease)


def _lock_held(films: Sequence[Film]) -> set[UUID]:
    """Lock the films whose attempt is still the one that this worker began, and return their keys."""
    attempts: dict[int, list[UUID]] = defaultdict(list)
    for film in films:
        attempts[film.attempts].append(film.pk)
    own_attempt = Q(pk__in=[])
    for attempt, ids in attempts.items():
        own_attempt |= Q(attempts=attempt, pk__in=ids)
    rows = Film.objects.select_for_update().filter(own_attempt, state=State.RUNNING)
    return set(rows.values_list("pk", flat=True))


def _result_row(film: Film, result: Screened | Refusal) -> dict[str, Any]:
    """Return a film's result as a record of :data:`statements.RECORD`."""
    claim = {"id": str(film.pk), "attempts": film.attempts, "model_id": film.batch.model_id}
    if isinstance(result, Refusal):
        row = _refusal_row(film, result)
    else:
        flags = triage.flags_of(result.decision, film.sha256, settings.AUDIT_SAMPLE, result.notes)
        row = {
            **NO_RESULT, "state": State.DONE, "score": result.score, "decision": result.decision, "flags": flags,
            "pictured": True, "mapped": result.overlay is not None, "notes": _codes_of(result.notes),
            "seconds": result.seconds,
        }  # fmt: skip
    return {**claim, **row, "review_state": ReviewState.PENDING if row["flags"] else ReviewState.NOT_NEEDED}


def _refusal_row(film: Film, result: Refusal) -> dict[str, Any]:
    # An archive has no picture that a reader could look at.
    flags = [triage.FLAG_FAILED] if result.state == State.FAILED and film.kind != ARCHIVE_KIND else []
    return {
        **NO_RESULT, "state": result.state, "code": result.reason.code, "reason": result.reason.detail[:400],
        "step": result.step, "pictured": result.pictured, "flags": flags, "notes": _codes_of(result.notes),
    }  # fmt: skip


def _codes_of(notes: Sequence[NoteCode]) -> list[str]:
    return [note.code for note in notes]
