"""What a sender does: make a batch, add films, submit it, cancel it."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from screening import intake, publishing, queries, storage
from screening.errors import ScreeningError
from screening.models import Batch, ModelVersion, XRay

log = logging.getLogger(__name__)

State = XRay.State


def create_batch(*, owner: User, name: str, model: ModelVersion | None = None) -> Batch:
    """Open a batch for films to be added.

    Raises:
        ScreeningError: ``name_missing``, ``name_too_long`` or ``no_model``.
    """
    name = " ".join(name.split())
    if not name:
        raise ScreeningError("name_missing", "Give the batch a name.", 400)
    if len(name) > 120:
        raise ScreeningError("name_too_long", "A batch name has at most 120 characters.", 400)
    model = model or queries.default_model()
    if model is None:
        raise ScreeningError("no_model", "No model is registered; run `python manage.py ensure_models` first.", 503)
    return Batch.objects.create(owner=owner, name=name, model=model)


def add_upload(*, batch: Batch, file: UploadedFile[Any]) -> tuple[XRay, bool]:
    """Take one uploaded file, see :func:`add_file`. Of a file over the limit only the beginning is read."""
    data = file.read(settings.MAX_FILE_BYTES + 1)
    return add_file(batch=batch, name=file.name or "", data=data, size=file.size)


def add_file(*, batch: Batch, name: str, data: bytes, size: int | None = None) -> tuple[XRay, bool]:
    """Take one file into a batch: QUEUED, or REJECTED with a reason. Its bytes are stored before its row.

    Sending the same file under the same name again (a retry after a lost answer) returns the row it already
    has.

    Args:
        batch: where it goes.
        name: what its sender calls it.
        data: its bytes.
        size: how many bytes were sent, where ``data`` is only their beginning.

    Returns:
        the film's row, and whether it is new.

    Raises:
        ScreeningError: ``batch_submitted`` or ``batch_cancelled``.
    """
    _require_open(batch)
    size = len(data) if size is None else size
    arrival = intake.inspect(data, size)
    film = XRay(
        batch=batch,
        original_name=intake.clean_name(name),
        sha256=arrival.sha256,
        bytes=size,
        kind=arrival.header.kind if arrival.header else "",
        width=arrival.header.width if arrival.header else 0,
        height=arrival.header.height if arrival.header else 0,
        synthetic=arrival.synthetic,
    )
    if (twin := _twin(film)) is not None:
        return _again(film, twin)
    if arrival.refusal is not None:
        return _reject(film, arrival.refusal.code, arrival.refusal.sentence), True
    return _store(film, data)


def submit(*, batch: Batch) -> Batch:
    """Hand a batch to the workers. Doing it twice does nothing more.

    Raises:
        ScreeningError: ``batch_empty`` or ``batch_cancelled``.
    """
    if batch.cancelled_at:
        raise ScreeningError("batch_cancelled", "The batch was cancelled; open a new one.")
    if not batch.films.exists():
        raise ScreeningError("batch_empty", "The batch holds no film yet; add films, then submit it.")
    with transaction.atomic():
        won = Batch.objects.filter(pk=batch.pk, submitted_at=None, cancelled_at=None).update(submitted_at=Now())
        if won:
            transaction.on_commit(lambda: publishing.publish_batch(batch))
    batch.refresh_from_db()
    return batch


def cancel(*, batch: Batch) -> Batch:
    """Stop a batch: films that wait are CANCELLED, films a worker has in hand are finished."""
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, cancelled_at=None).update(cancelled_at=Now())
        cancel_waiting(batch)
    batch.refresh_from_db()
    return batch


def cancel_waiting(batch: Batch) -> int:
    """Move the waiting films of a cancelled batch to CANCELLED; returns how many."""
    return XRay.objects.filter(batch=batch, state=State.QUEUED).update(
        state=State.CANCELLED,
        code="batch_cancelled",
        reason="The batch was cancelled before a worker took this film.",
        step="sender",
        finished_at=Now(),
    )


def _require_open(batch: Batch) -> None:
    if batch.cancelled_at:
        raise ScreeningError("batch_cancelled", "The batch was cancelled; open a new one.")
    if batch.submitted_at:
        raise ScreeningError("batch_submitted", "The batch is submitted already; open a new one.")


def _twin(film: XRay) -> XRay | None:
    """The row this batch has for the same bytes: of the same name if there is one, else the one let in."""
    same = XRay.objects.filter(batch_id=film.batch_id, sha256=film.sha256)
    return same.filter(original_name=film.original_name).first() or same.exclude(state=State.REJECTED).first()


def _again(film: XRay, twin: XRay) -> tuple[XRay, bool]:
    if film.original_name == twin.original_name:
        return twin, False
    sentence = f"The same bytes are in this batch already, as {twin.original_name[:200]}."
    return _reject(film, "duplicate", sentence), True


def _reject(film: XRay, code: str, sentence: str) -> XRay:
    film.state, film.code, film.reason, film.step = State.REJECTED, code, sentence, "door"
    film.finished_at = film.created_at
    film.save(force_insert=True)
    return film


def _keep(name: str, data: bytes) -> str:
    """Store bytes so that a power cut does not lose them; leaves nothing behind where that fails."""
    try:
        stored_as = default_storage.save(name, ContentFile(data))
        storage.make_durable(stored_as)
    except OSError as error:
        log.exception("a file could not be stored")
        default_storage.delete(name)
        sentence = "The server could not store the file, its disk may be full; nothing was kept, send it again later."
        raise ScreeningError("storage_failed", sentence, 507) from error
    return stored_as


def _store(film: XRay, data: bytes) -> tuple[XRay, bool]:
    stored_as = _keep(film.storage_name("original"), data)
    film.state, film.stored, film.kept_bytes = State.QUEUED, True, len(data)
    try:
        # The lock orders this insert before or after a submission, never beside it.
        with transaction.atomic():
            _require_open(Batch.objects.select_for_update(no_key=True).get(pk=film.batch_id))
            film.save(force_insert=True)
    except IntegrityError:  # two requests brought the same bytes at once, and the other was first
        default_storage.delete(stored_as)
        twin = _twin(film)
        if twin is None:
            raise
        film.stored = False
        return _again(film, twin)
    except Exception:
        default_storage.delete(stored_as)
        raise
    return film, True
