"""What a sender does: make a batch, add films, submit it, cancel it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from screening import publishing
from screening.accounts import quotas
from screening.batches.progress import progress_of
from screening.codes import batch_codes, film_codes
from screening.errors import ScreeningError
from screening.model_versions import default_model
from screening.models import Batch, Film, ModelVersion

State = Film.State


def create_batch(*, owner: User, name: str, model: ModelVersion | None = None) -> Batch:
    """Open a batch for films to be added.

    Raises:
        ScreeningError: ``name_missing``, ``name_too_long``, ``no_model`` or ``quota_open_batches``.
    """
    name = " ".join(name.split())
    if not name:
        raise ScreeningError(batch_codes.NAME_MISSING)
    if len(name) > 120:
        raise ScreeningError(batch_codes.NAME_TOO_LONG)
    model = model or default_model()
    if model is None:
        raise ScreeningError(batch_codes.NO_MODEL)
    quotas.require_open_batch(owner.pk)
    return Batch.objects.create(owner=owner, name=name, model=model)


def submit(*, batch: Batch) -> Batch:
    """Hand a batch to the workers. Doing it twice does nothing more.

    Raises:
        ScreeningError: ``batch_empty`` or ``batch_cancelled``.
    """
    if batch.cancelled_at is None and not batch.films.exists():
        raise ScreeningError(batch_codes.BATCH_EMPTY)
    with transaction.atomic():
        won = Batch.objects.filter(pk=batch.pk, submitted_at=None, cancelled_at=None).update(submitted_at=Now())
        if won:
            transaction.on_commit(lambda: publishing.publish_batch(batch))
    batch.refresh_from_db()
    if batch.cancelled_at and progress_of(batch).state != "done":
        raise ScreeningError(batch_codes.BATCH_CANCELLED)
    return batch


def cancel(*, batch: Batch) -> Batch:
    """Stop a batch: films that wait are CANCELLED, films a worker has in hand are finished. Twice does nothing more.

    Raises:
        ScreeningError: ``batch_finished`` where nothing is left to stop; the batch stays as it is.
    """
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, cancelled_at=None).update(cancelled_at=Now())
        cancel_waiting(batch)
        # Asked after both writes, so that a film which ended meanwhile counts as it is; raising takes them back.
        cancelled = Batch.objects.get(pk=batch.pk)
        if progress_of(cancelled).state == "done":
            raise ScreeningError(batch_codes.BATCH_FINISHED)
    batch.refresh_from_db()
    return batch


def cancel_waiting(batch: Batch) -> int:
    """Move the waiting films of a cancelled batch to CANCELLED; returns how many."""
    cancelled = film_codes.BATCH_CANCELLED.reason()
    return Film.objects.filter(batch=batch, state=State.QUEUED).update(
        state=State.CANCELLED,
        code=cancelled.code,
        reason=cancelled.detail,
        step=film_codes.BATCH_CANCELLED.stage,
        finished_at=Now(),
    )
