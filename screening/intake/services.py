"""Adding files to a batch: a file is inspected, de-identified and stored, and then gets its row."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import UploadedFile

from ml.decoding.limits import MEGAPIXEL
from ml.errors import FilmError, Reason
from screening import deidentification
from screening.accounts import quotas
from screening.codes import batch_codes, film_codes
from screening.errors import ScreeningError
from screening.intake import archive_bytes, inspection, persist
from screening.intake.filenames import clean_path
from screening.intake.inspection import ARCHIVE_KIND
from screening.intake.persist import BatchCheck
from screening.models import AS_SENT, ORIGINAL, Batch, Film
from screening.storage.spool import SpooledUpload
from xrayscreen.helper_files import helper_file_kind

State = Film.State

AddedFile = tuple[Film, bool]  # the file's row, and whether it is new
SKIPPED = "skipped"  # in the place of a state: a helper file, which has no row


def add_upload(*, batch: Batch, file: UploadedFile[Any], path: str = "") -> AddedFile:
    """Add one uploaded file to a batch, see :func:`add_file`. Archives may be large and are never read into memory.

    Args:
        batch: the batch.
        file: the upload.
        path: its path in the folder that was sent, if it was one.

    Returns:
        the file's row, and whether it is new.

    Raises:
        ScreeningError: as :func:`add_file`.
    """
    name, size = path or file.name or "", int(file.size or 0)
    require_open(batch)
    if inspection.is_archive(file):
        return _add_archive(batch, name, file, size)
    if size > settings.MAX_FILE_BYTES:
        return _add_row(
            _new_film(batch, name, inspection.inspect_oversized(file, size, name), size), None, require_open
        )
    return add_file(batch=batch, name=name, data=file.read())


def skipped_upload(*, batch: Batch, file: UploadedFile[Any], path: str = "") -> Film | None:
    """Return the answer to an upload that is a helper file, in the form of a row that is not stored, or ``None``.

    Args:
        batch: the batch.
        file: the upload.
        path: its path in the folder that was sent, if it was one.
    """
    name = path or file.name or ""
    kind = helper_file_kind(name)
    if not kind:
        return None
    reason = film_codes.HELPER_FILE.reason(kind=kind)
    size, step = int(file.size or 0), film_codes.HELPER_FILE.stage
    texts = {"state": SKIPPED, "code": reason.code, "reason": reason.detail, "step": step}
    return Film(id=None, batch=batch, original_name=clean_path(name), bytes=size, **texts)


def add_file(*, batch: Batch, name: str, data: bytes) -> AddedFile:
    """Add one file to a batch: QUEUED, or REJECTED with a reason. Its bytes are stored before its row.

    The same file under the same name (a retry after a lost response) returns the row that it already has.

    Args:
        batch: the batch.
        name: the sender's name of the file, with or without folders.
        data: its bytes.

    Returns:
        the file's row, and whether it is new.

    Raises:
        ScreeningError: ``batch_submitted``, ``batch_cancelled``, ``storage_failed``, ``quota_files`` or
            ``quota_bytes``.
    """
    require_open(batch)
    return _add_row(_new_film(batch, name, inspection.inspect_file(data, name), len(data)), data, require_open)


def add_member(*, archive: Film, name: str, data: bytes) -> AddedFile:
    """Add a file of an archive, as :func:`add_file` adds an uploaded one. The batch is submitted already.

    Args:
        archive: the row of the archive.
        name: the file's path in the archive.
        data: its bytes.

    Returns:
        the file's row, and whether it is new.

    Raises:
        ScreeningError: ``batch_cancelled``, ``storage_failed``, ``quota_files`` or ``quota_bytes``.
    """
    return _add_member_row(archive, name, inspection.inspect_file(data, name), data, len(data))


def reject_member(*, archive: Film, name: str, reason: Reason, size: int) -> Film:
    """Add a REJECTED row for a file of an archive that cannot be unpacked, and return it.

    Args:
        archive: the row of the archive.
        name: the file's path in the archive.
        reason: why it cannot be unpacked.
        size: its bytes as declared in the archive.
    """
    # Without bytes there is no digest of the file; its name identifies it instead.
    found = inspection.inspection_without_bytes(f"{archive.sha256}/{name}".encode(), reason)
    return _add_member_row(archive, name, found, None, size)[0]


def member_name(archive: Film, path: str) -> str:
    """Return the name of the row of a file in an archive; a resumed unpacking finds finished files by it."""
    return clean_path(f"{archive.original_name}/{path}")


def require_open(batch: Batch) -> None:
    """Check that files may be added to a batch.

    Raises:
        ScreeningError: ``batch_submitted`` or ``batch_cancelled``.
    """
    _require_not_cancelled(batch)
    if batch.submitted_at:
        raise ScreeningError(batch_codes.BATCH_SUBMITTED)


def _require_not_cancelled(batch: Batch) -> None:
    if batch.cancelled_at:
        raise ScreeningError(batch_codes.BATCH_CANCELLED)


def _add_archive(batch: Batch, name: str, file: UploadedFile[Any], size: int) -> AddedFile:
    film = _new_film(batch, name, inspection.inspect_archive(file, size, name), size)
    film.kind = ARCHIVE_KIND
    file.seek(0)
    with archive_bytes.pending_archive(film):
        return _add_row(film, file if isinstance(file, SpooledUpload) else File(file), require_open)


def _add_member_row(
    archive: Film, name: str, found: inspection.Inspection, data: bytes | None, size: int
) -> AddedFile:
    film = _new_film(archive.batch, member_name(archive, name), found, size)
    film.archive = archive
    return _add_row(film, data, _require_not_cancelled)


def _new_film(batch: Batch, name: str, found: inspection.Inspection, size: int) -> Film:
    refusal, header = found.refusal, found.header
    return Film(
        batch=batch,
        original_name=clean_path(name),
        sha256=found.sha256,
        bytes=size,
        kind=header.kind if header else "",
        width=header.width if header else 0,
        height=header.height if header else 0,
        synthetic=found.synthetic,
        code=refusal.code if refusal else "",
        reason=refusal.detail if refusal else "",
    )


def _add_row(film: Film, content: bytes | File[Any] | None, require_batch: BatchCheck) -> AddedFile:
    """Return the existing row of the same file, or add a row: REJECTED, or QUEUED with stored bytes."""
    if (twin := persist.find_twin(film)) is not None:
        return _answer_twin(film, twin, require_batch)
    if film.code or content is None:
        return _reject(film, Reason(film.code, film.reason), require_batch)
    quotas.require_space(film.batch.owner_id, film.bytes)
    try:
        stored = _clean_film(film, content) if isinstance(content, bytes) else content
    except FilmError as error:
        return _reject(film, error.reason, require_batch)
    film.kept_bytes = film.bytes if isinstance(stored, File) else len(stored)
    parts = {ORIGINAL: stored if isinstance(stored, File) else ContentFile(stored)}
    if settings.KEEP_ORIGINALS and isinstance(content, bytes):
        parts[AS_SENT], film.as_sent = ContentFile(content), True
    twin = persist.store_film(film, parts, require_batch)
    return (film, True) if twin is None else _answer_twin(film, twin, require_batch)


def _clean_film(film: Film, data: bytes) -> bytes:
    """Clean a file and return its bytes; names of removed parts, pseudonyms and notes are set on the row."""
    max_pixels = settings.MAX_MEGAPIXELS * MEGAPIXEL
    cleaned = deidentification.clean_file(data, film.kind, settings.PSEUDONYM_KEY.encode(), max_pixels)
    film.receipt = [*cleaned.removed, *(f"{name} (replaced by a pseudonym)" for name in cleaned.replaced)]
    film.patient, film.study = cleaned.patient, cleaned.study
    film.intake_notes = [note.code for note in cleaned.notes]
    return cleaned.data


def _answer_twin(film: Film, twin: Film, require_batch: BatchCheck) -> AddedFile:
    if film.original_name == twin.original_name:
        return twin, False
    return _reject(film, film_codes.DUPLICATE.reason(name=twin.original_name[:200]), require_batch)


def _reject(film: Film, reason: Reason, require_batch: BatchCheck) -> AddedFile:
    film.state, film.step = State.REJECTED, "intake"
    film.code, film.reason = reason.code, reason.detail[:400]
    film.finished_at = film.created_at
    film.receipt, film.intake_notes = [], []
    persist.insert_row(film, 0, require_batch)
    return film, True
