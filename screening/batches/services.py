"""What a sender does: make a batch, add films, submit it, cancel it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from screening import publishing
from screening.accounts import quotas
from screening.batches.progress import progress_of
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
        raise ScreeningError("name_missing", "Give the batch a name.", 400)
    if len(name) > 120:
        raise ScreeningError("name_too_long", "A batch name has at most 120 characters.", 400)
    model = model or default_model()
    if model is None:
        raise ScreeningError("no_model", "No model is registered; run `python manage.py ensure_models` first.", 503)
    quotas.require_open_batch(owner.pk)
    return Batch.objects.create(owner=owner, name=name, model=model)


def submit(*, batch: Batch) -> Batch:
    """Hand a batch to the workers. Doing it twice does nothing more.

    Raises:
        ScreeningError: ``batch_empty`` or ``batch_cancelled``.
    """
    if batch.cancelled_at is None and not batch.films.exists():
        raise ScreeningError("batch_empty", "The batch holds no film yet; add films, then submit it.")
    with transaction.atomic():
        won = Batch.objects.filter(pk=batch.pk, submitted_at=None, cancelled_at=None).update(submitted_at=Now())
        if won:
            transaction.on_commit(lambda: publishing.publish_batch(batch))
    batch.refresh_from_db()
    if batch.cancelled_at and progress_of(batch).state != "done":
        raise ScreeningError("batch_cancelled", "The batch was cancelled; open a new one.")
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
            raise ScreeningError(
                "batch_finished", "The batch has finished, so nothing is left to cancel; its results stay."
            )
    batch.refresh_from_db()
    return batch


def cancel_waiting(batch: Batch) -> int:
    """Move the waiting films of a cancelled batch to CANCELLED; returns how many."""
    return Film.objects.filter(batch=batch, state=State.QUEUED).update(
        state=State.CANCELLED,
        code="batch_cancelled",
        reason="The batch was cancelled before a worker took this film.",
        step="sender",
        finished_at=Now(),
    )
