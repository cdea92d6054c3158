"""How a file gets into a batch: looked at, cleaned of what identifies a person, stored, and only then a row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from ml.decoding.limits import MEGAPIXEL
from ml.errors import FilmError, Reason
from screening import deidentification
from screening.accounts import quotas
from screening.codes import batch_codes, film_codes
from screening.errors import ScreeningError
from screening.intake import inspection
from screening.intake.filenames import clean_path
from screening.intake.inspection import ARCHIVE
from screening.models import AS_SENT, ORIGINAL, Batch, Film
from screening.storage import local as storage
from screening.storage.spool import SpooledUpload, storage_failed

log = logging.getLogger(__name__)

State = Film.State

Taken = tuple[Film, bool]  # a row, and whether it is new
MayEnter = Callable[[Batch], None]  # raises where a batch takes nothing more


def add_upload(*, batch: Batch, file: UploadedFile[Any], path: str = "") -> Taken:
    """Take one uploaded file, see :func:`add_file`. Archives, which may be large, are never read as a whole.

    Args:
        batch: where it goes.
        file: the upload.
        path: where it lay in the folder that was sent, if it was one.
    """
    name, size = path or file.name or "", int(file.size or 0)
    require_open(batch)
    if inspection.is_archive(file):
        return _add_archive(batch, name, file, size)
    if size > settings.MAX_FILE_BYTES:
        return _enter(_row(batch, name, inspection.too_large(file, size), size), None, require_open)
    return add_file(batch=batch, name=name, data=file.read())


def add_file(*, batch: Batch, name: str, data: bytes) -> Taken:
    """Take one file into a batch: QUEUED, or REJECTED with a reason. Its bytes are stored before its row.

    Sending the same file under the same name again (a retry after a lost answer) returns the row it already
    has.

    Args:
        batch: where it goes.
        name: what its sender calls it, with or without folders.
        data: its bytes.

    Returns:
        the film's row, and whether it is new.

    Raises:
        ScreeningError: ``batch_submitted``, ``batch_cancelled``, ``storage_failed``, ``quota_files`` or
            ``quota_bytes``.
    """
    require_open(batch)
    return _enter(_row(batch, name, inspection.inspect(data), len(data)), data, require_open)


def add_member(*, archive: Film, name: str, data: bytes) -> Taken:
    """Take a file out of an archive, as :func:`add_file` takes one that was sent; the batch is submitted already.

    Args:
        archive: the row of the archive.
        name: its path in the archive.
        data: its bytes.

    Raises:
        ScreeningError: ``batch_cancelled``, ``storage_failed``, ``quota_files`` or ``quota_bytes``.
    """
    return _enter_member(archive, name, inspection.inspect(data), data, len(data))


def refuse_member(*, archive: Film, name: str, reason: Reason, size: int) -> Film:
    """Note a file of an archive that could not be taken out of it.

    Args:
        archive: the row of the archive.
        name: its path in the archive.
        reason: why.
        size: bytes it is said to have.
    """
    # There are no bytes to tell it by; its name is all there is.
    arrival = inspection.unread(f"{archive.sha256}/{name}".encode(), reason)
    return _enter_member(archive, name, arrival, None, size)[0]


def member_name(archive: Film, path: str) -> str:
    """What the row of a file in an archive is called; whoever goes on with an archive knows its files by it."""
    return clean_path(f"{archive.original_name}/{path}")


def require_open(batch: Batch) -> None:
    """Refuse to add to a batch that is closed.

    Raises:
        ScreeningError: ``batch_submitted`` or ``batch_cancelled``.
    """
    _require_wanted(batch)
    if batch.submitted_at:
        raise ScreeningError(batch_codes.BATCH_SUBMITTED)


def _require_wanted(batch: Batch) -> None:
    if batch.cancelled_at:
        raise ScreeningError(batch_codes.BATCH_CANCELLED)


def _add_archive(batch: Batch, name: str, file: UploadedFile[Any], size: int) -> Taken:
    film = _row(batch, name, inspection.inspect_archive(file, size), size)
    film.kind = ARCHIVE
    file.seek(0)
    return _enter(film, file if isinstance(file, SpooledUpload) else File(file), require_open)


def _enter_member(archive: Film, name: str, arrival: inspection.Arrival, data: bytes | None, size: int) -> Taken:
    film = _row(archive.batch, member_name(archive, name), arrival, size)
    film.archive = archive
    return _enter(film, data, _require_wanted)


def _row(batch: Batch, name: str, arrival: inspection.Arrival, size: int) -> Film:
    refusal, header = arrival.refusal, arrival.header
    return Film(
        batch=batch,
        original_name=clean_path(name),
        sha256=arrival.sha256,
        bytes=size,
        kind=header.kind if header else "",
        width=header.width if header else 0,
        height=header.height if header else 0,
        synthetic=arrival.synthetic,
        code=refusal.code if refusal else "",
        reason=refusal.detail if refusal else "",
    )


def _enter(film: Film, content: bytes | File[Any] | None, may_enter: MayEnter) -> Taken:
    """The one way in: a row it has already, a refused row, or stored bytes and a waiting row."""
    if (twin := _twin(film)) is not None:
        return _again(film, twin, may_enter)
    if film.code or content is None:
        return _reject(film, Reason(film.code, film.reason), may_enter)
    quotas.require_space(film.batch.owner_id, film.bytes)
    try:
        kept = _cleaned(film, content) if isinstance(content, bytes) else content
    except FilmError as error:
        return _reject(film, error.reason, may_enter)
    film.kept_bytes = film.bytes if isinstance(kept, File) else len(kept)
    parts = {ORIGINAL: kept if isinstance(kept, File) else ContentFile(kept)}
    if settings.KEEP_ORIGINALS and isinstance(content, bytes):
        parts[AS_SENT], film.as_sent = ContentFile(content), True
    return _store(film, parts, may_enter)


def _cleaned(film: Film, data: bytes) -> bytes:
    """The file without what identifies a person; what was removed and the pseudonyms are noted in the row."""
    max_pixels = settings.MAX_MEGAPIXELS * MEGAPIXEL
    cleaned = deidentification.clean(data, film.kind, settings.PSEUDONYM_KEY.encode(), max_pixels)
    film.receipt = [*cleaned.removed, *(f"{name} (replaced by a pseudonym)" for name in cleaned.replaced)]
    film.patient, film.study = cleaned.patient, cleaned.study
    return cleaned.data


def _twin(film: Film) -> Film | None:
    """The row this batch has for the same bytes: of the same name if there is one, else the one let in."""
    same = Film.objects.filter(batch_id=film.batch_id, sha256=film.sha256)
    return same.filter(original_name=film.original_name).first() or same.exclude(state=State.REJECTED).first()


def _again(film: Film, twin: Film, may_enter: MayEnter) -> Taken:
    if film.original_name == twin.original_name:
        return twin, False
    return _reject(film, film_codes.DUPLICATE.reason(name=twin.original_name[:200]), may_enter)


def _reject(film: Film, reason: Reason, may_enter: MayEnter) -> Taken:
    film.state, film.step = State.REJECTED, "intake"
    film.code, film.reason = reason.code, reason.detail[:400]
    film.finished_at = film.created_at
    film.receipt = []
    _insert(film, 0, may_enter)
    return film, True


def _insert(film: Film, size: int, may_enter: MayEnter) -> None:
    # The lock orders this insert before or after a submission or cancellation, never beside it.
    with transaction.atomic():
        may_enter(Batch.objects.select_for_update(no_key=True).get(pk=film.batch_id))
        quotas.charge_quota(film.batch.owner_id, size)
        film.save(force_insert=True)


def _keep(film: Film, parts: dict[str, File[Any]]) -> list[str]:
    """Store bytes so that a power cut does not lose them; leaves nothing behind where that fails."""
    names: list[str] = []
    try:
        for part, content in parts.items():
            names.append(film.storage_name(part))
            storage.make_durable(default_storage.save(names[-1], content))
    except OSError as error:
        log.exception("a file could not be stored")
        _drop(names)
        raise storage_failed() from error
    return names


def _drop(names: list[str]) -> None:
    """Take back what was stored. What cannot be, as the storage is away, is an orphan for ``check_invariants``."""
    for name in names:
        try:
            default_storage.delete(name)
        except OSError:
            log.exception("%s is left in the storage", name)


def _store(film: Film, parts: dict[str, File[Any]], may_enter: MayEnter) -> Taken:
    names = _keep(film, parts)
    film.state, film.stored = State.QUEUED, True
    try:
        _insert(film, film.kept_bytes + (film.bytes if film.as_sent else 0), may_enter)
    except IntegrityError:  # two requests brought the same bytes at once, and the other was first
        _drop(names)
        twin = _twin(film)
        if twin is None:
            raise
        film.stored = film.as_sent = False
        film.kept_bytes = 0
        return _again(film, twin, may_enter)
    except Exception:
        _drop(names)
        raise
    return film, True
