"""What a worker does with films, and what the sweep does for films that a worker or the broker lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Now
from django.utils import timezone

from screening import publishing, triage
from screening.config.celery import BULK, SMALL
from screening.config.limits import limits
from screening.inference import Pictures, Screened
from screening.models import Batch, Prediction, XRay

State, ReviewState = XRay.State, XRay.ReviewState

MOST_A_SWEEP = 5_000  # films; the rest waits for the next one


@dataclass(frozen=True)
class Refusal:
    """Why a film in a worker's hands ends without a score: FAILED, or REJECTED by the model's gate."""

    code: str
    sentence: str
    step: str = "worker"
    state: XRay.State = State.FAILED
    pictured: bool = False


def claim(ids: Sequence[UUID]) -> list[XRay]:
    """Take waiting films of submitted batches: QUEUED -> RUNNING, one attempt more, under a lease.

    Films that another worker has, that are final, or whose batch is not open for work are left out.
    """
    lease = timedelta(seconds=limits(settings.CHUNK_SECONDS).lease)
    with transaction.atomic():
        free = XRay.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            pk__in=ids,
            state=State.QUEUED,
            batch__submitted_at__isnull=False,
            batch__cancelled_at__isnull=True,
        )
        won = list(free.values_list("pk", flat=True))
        XRay.objects.filter(pk__in=won).update(
            state=State.RUNNING, attempts=F("attempts") + 1, lease_until=Now() + Value(lease)
        )
    return list(XRay.objects.filter(pk__in=won).select_related("batch__model").order_by("created_at", "id"))


def read_original(film: XRay) -> bytes:
    """The bytes of a film.

    Raises:
        OSError: when the storage does not give them.
    """
    with default_storage.open(film.storage_name("original")) as file:
        return bytes(file.read())


def store_pictures(film: XRay, pictures: Pictures, overlay: bytes | None = None) -> None:
    """Keep what people see of a film; a second attempt replaces the first one's."""
    parts = {"display.jpg": pictures.display, "thumb.jpg": pictures.thumbnail}
    if overlay is not None:
        parts["map.png"] = overlay
    for part, data in parts.items():
        name = film.storage_name(part)
        if default_storage.exists(name):
            default_storage.delete(name)
        default_storage.save(name, ContentFile(data))


def record(results: Sequence[tuple[XRay, Screened | Refusal]]) -> int:
    """Store a chunk's results and move its films to DONE or FAILED, in one short transaction.

    A film this worker no longer holds (its lease ran out and another attempt began) is left alone.

    Returns:
        how many films were written.
    """
    with transaction.atomic():
        held = _held([film for film, _ in results])
        written = [(film, result) for film, result in results if film.pk in held]
        for film, result in written:
            _finish(film, result)
        Prediction.objects.bulk_create(
            [_prediction(film, result) for film, result in written if isinstance(result, Screened)],
            ignore_conflicts=True,
        )
        XRay.objects.bulk_update(
            [film for film, _ in written],
            [
                "state", "code", "reason", "step", "lease_until", "score", "decision", "flags",
                "review_state", "finished_at", "pictured", "mapped", "notes",
            ],
        )  # fmt: skip
    return len(written)


def hand_back(films: Sequence[XRay], refusal: Refusal) -> None:
    """Give up an attempt: back to the queue one film a message, or FAILED when it was the last attempt.

    One film a message, so that a film which kills its process cannot take its neighbours with it again.
    """
    last = [film for film in films if film.attempts >= settings.MAX_ATTEMPTS]
    record([(film, refusal) for film in last])
    again = [film for film in films if film.attempts < settings.MAX_ATTEMPTS]
    with transaction.atomic():
        held = _held(again)
        XRay.objects.filter(pk__in=held).update(state=State.QUEUED, lease_until=None)
        transaction.on_commit(lambda: publishing.publish(sorted(held), queue=SMALL, chunk=1))


def sweep() -> dict[str, int]:
    """Find the films that nobody is working on and see to them.

    Leases that ran out: back to the queue, or FAILED after the last attempt. Films that have waited long
    since they were published: published again. Waiting films of cancelled batches: CANCELLED.

    Returns:
        films seen to, by what was done.
    """
    lost = list(XRay.objects.filter(state=State.RUNNING, lease_until__lt=Now())[:MOST_A_SWEEP])
    hand_back(
        lost,
        Refusal(
            "worker_lost",
            f"The process that screened this film died {settings.MAX_ATTEMPTS} times; the film may be what kills it.",
            "sweep",
        ),
    )
    return {"lost": len(lost), "stale": _publish_stale(), "cancelled": _cancel_leftovers()}


def _held(films: Sequence[XRay]) -> set[UUID]:
    """Lock those of the films whose attempt is still the one this worker began."""
    attempts: dict[int, list[UUID]] = defaultdict(list)
    for film in films:
        attempts[film.attempts].append(film.pk)
    mine = Q(pk__in=[])
    for attempt, ids in attempts.items():
        mine |= Q(attempts=attempt, pk__in=ids)
    rows = XRay.objects.select_for_update().filter(mine, state=State.RUNNING)
    return set(rows.values_list("pk", flat=True))


def _finish(film: XRay, result: Screened | Refusal) -> None:
    film.lease_until, film.finished_at = None, timezone.now()
    if isinstance(result, Refusal):
        film.state, film.step, film.pictured = result.state, result.step, result.pictured
        film.code, film.reason = result.code, result.sentence[:400]
        film.flags = [triage.FLAG_FAILED] if result.state == State.FAILED else []
    else:
        film.state, film.score, film.decision = State.DONE, result.score, result.decision
        film.pictured, film.mapped, film.notes = True, result.overlay is not None, list(result.notes)
        film.flags = triage.flags_of(result.decision, film.sha256, settings.AUDIT_SAMPLE)
    film.review_state = ReviewState.PENDING if film.flags else ReviewState.NOT_NEEDED


def _prediction(film: XRay, result: Screened) -> Prediction:
    return Prediction(
        film=film,
        model=film.batch.model,
        score=result.score,
        decision=result.decision,
        seconds=result.seconds,
    )


def _publish_stale() -> int:
    """Publish again what was published so long ago that its message must be lost."""
    patience = timedelta(seconds=limits(settings.CHUNK_SECONDS).lease)
    stale = XRay.objects.filter(
        Q(published_at=None) | Q(published_at__lt=Now() - Value(patience)),
        state=State.QUEUED,
        batch__submitted_at__lt=Now() - Value(timedelta(seconds=settings.SWEEP_SECONDS)),
        batch__cancelled_at=None,
    )
    fresh = list(stale.filter(attempts=0).values_list("pk", flat=True)[:MOST_A_SWEEP])
    tried = list(stale.filter(attempts__gt=0).values_list("pk", flat=True)[:MOST_A_SWEEP])
    if fresh:
        publishing.publish(fresh, queue=BULK)
    if tried:
        publishing.publish(tried, queue=SMALL, chunk=1)
    return len(fresh) + len(tried)


def _cancel_leftovers() -> int:
    from screening.services.batches import cancel_waiting

    batches = Batch.objects.filter(cancelled_at__isnull=False, films__state=State.QUEUED).distinct()
    return sum(cancel_waiting(batch) for batch in batches)
