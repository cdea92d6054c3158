"""Creating, submitting and cancelling batches."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from screening import publishing
from screening.accounts import quotas
from screening.batches.progress import progress_of
from screening.codes import batch_codes, film_codes
from screening.errors import ScreeningError
from screening.intake import archive_bytes
from screening.model_versions import default_model
from screening.models import Batch, Film, ModelVersion

State = Film.State


def create_batch(*, owner: User, name: str, model: ModelVersion | None = None) -> Batch:
    """Create a batch to which films can be added.

    Args:
        owner: the owner.
        name: the batch's name; runs of white space become one space.
        model: the model version; the default one if it is left out.

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


def submit_batch(*, batch: Batch) -> Batch:
    """Submit a batch to the workers. A second call changes nothing.

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


def cancel_batch(*, batch: Batch) -> Batch:
    """Cancel a batch: waiting films become CANCELLED, claimed films are finished. A second call changes nothing.

    Raises:
        ScreeningError: ``batch_finished``, no film is left to cancel; the batch stays as it is.
    """
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, cancelled_at=None).update(cancelled_at=Now())
        cancel_waiting_films(batch)
        # Read after both writes, so that films which ended meanwhile count; the exception rolls the writes back.
        cancelled = Batch.objects.get(pk=batch.pk)
        if progress_of(cancelled).state == "done":
            raise ScreeningError(batch_codes.BATCH_FINISHED)
    batch.refresh_from_db()
    return batch


def cancel_waiting_films(batch: Batch) -> int:
    """Move the waiting films of a cancelled batch to CANCELLED; returns their number."""
    cancelled = film_codes.BATCH_CANCELLED.reason()
    number = Film.objects.filter(batch=batch, state=State.QUEUED).update(
        state=State.CANCELLED,
        code=cancelled.code,
        reason=cancelled.detail,
        step=film_codes.BATCH_CANCELLED.stage,
        finished_at=Now(),
    )
    archive_bytes.release_final_archives(batch)
    return number
