"""Unpacking of archives: every file gets a row of its own, then the archive is deleted.

An attempt works for a part of a chunk's time and then queues the archive again; the next attempt resumes behind the
existing rows. A killed process loses only time, and an attempt that added a row does not count towards the limit of
attempts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from ml.errors import FilmError, Reason
from screening import publishing
from screening.accounts import quotas
from screening.codes import film_codes
from screening.config.celery import BULK, SMALL
from screening.errors import ScreeningError
from screening.intake import archive_bytes
from screening.intake import services as intake
from screening.intake.filenames import clean_path
from screening.intake.zip import archive as archives
from screening.intake.zip.archive import Member
from screening.models import ORIGINAL, Batch, Film
from screening.worker import leases

State = Film.State

MAX_SKIPPED_LINES = 100  # about skipped helper files


class _LeaseLostError(Exception):
    """Another attempt holds the archive; this one must stop."""


def unpack_archive(archive: Film, deadline: float) -> None:
    """Add the files of a claimed archive to its batch; then finish the archive, or queue it again to continue later.

    Args:
        archive: a row that :func:`screening.worker.leases.claim_films` has returned to this worker.
        deadline: when to stop, by ``time.monotonic()``; one file is added in any case.

    Raises:
        OSError: the archive cannot be read.
        ScreeningError: ``storage_failed``.
    """
    archive.batch = Batch.objects.get(pk=archive.batch_id)  # it may have been cancelled since the claim
    added = _AddedFiles(archive)
    try:
        finished = _add_members(archive, added, deadline)
        added.publish()
        if finished:
            _finish(archive, State.UNPACKED, _summarise(archive))
        else:
            requeue_later([archive])
    except FilmError as error:
        _finish(archive, State.REJECTED, error.reason)
    except ScreeningError as error:
        _finish_early(archive, added, error)
    except _LeaseLostError:
        pass


def _finish_early(archive: Film, added: _AddedFiles, error: ScreeningError) -> None:
    """Finish an archive to which no further file can be added; raise any other error again."""
    if error.code == film_codes.BATCH_CANCELLED.code:
        state, code = State.CANCELLED, film_codes.ARCHIVE_CANCELLED
    elif error.code == film_codes.QUOTA_FILES.code:
        state, code = State.REJECTED, film_codes.QUOTA_FILES
    else:
        raise error
    added.publish()
    _finish(archive, state, code.reason(why=error.detail, summary=_summarise(archive).detail), code.stage)


def requeue_later(waiting: Sequence[Film]) -> None:
    """Queue claimed archives again, each in a message of its own, behind the messages that wait already."""
    leases.release_without_attempt(waiting)
    publishing.publish_films([archive.pk for archive in waiting], queue=BULK, alone=True)


class _AddedFiles:
    """The rows that this attempt added; it publishes them in groups."""

    def __init__(self, archive: Film) -> None:
        rows = Film.objects.filter(archive=archive).values_list("original_name", "bytes")
        self.done = {clean_path(name): size for name, size in rows}  # an earlier version did not compose accents
        self._total = len(self.done)
        self._waiting: list[UUID] = []

    def add(self, film: Film) -> None:
        """Count a new row, and publish when there are enough."""
        self._total += 1
        if film.state == State.QUEUED:
            self._waiting.append(film.pk)
        if len(self._waiting) >= settings.CHUNK_FILMS * 2 * settings.CUT_FOR_PROCESSES:  # enough for full chunks
            self.publish()

    def publish(self) -> None:
        """Publish the waiting rows; small archives overtake large ones, as small batches do."""
        if self._waiting:
            Film.objects.filter(pk__in=self._waiting, state=State.QUEUED).update(published_at=Now())
            queue = SMALL if self._total <= settings.SMALL_BATCH_FILMS else BULK
            publishing.publish_films(self._waiting, queue=queue)
            self._waiting = []


def _add_members(archive: Film, added: _AddedFiles, deadline: float) -> bool:
    """Add the files that have no row yet; returns whether all are added."""
    row_name = partial(intake.member_name, archive)
    with default_storage.open(archive.storage_name(ORIGINAL)) as file:
        for member in archives.iter_members(file, archives.zip_limits(), row_name=row_name, done=added.done):
            try:
                film = _add_member(archive, member)
            except ScreeningError as error:
                if error.code != film_codes.QUOTA_BYTES.code:
                    raise
                # The quota of files still has room for a row with the reason.
                refusal = film_codes.QUOTA_BYTES.reason(why=error.detail)
                film = _add_member(archive, Member(member.path, None, refusal, member.size))
            if film is not None:
                added.add(film)
                if time.monotonic() > deadline:
                    return False
    return True


def _add_member(archive: Film, member: Member) -> Film | None:
    """Add one file's row, while the archive's row is locked by this worker."""
    with transaction.atomic():
        if not list(_held_row(archive).select_for_update(no_key=True).values_list("pk")):
            raise _LeaseLostError
        if member.skipped:
            _record_skipped(archive, member)
            return None
        if archive.attempts > 1:
            _held_row(archive).update(attempts=1)
        if member.refusal is not None:
            film = intake.reject_member(archive=archive, name=member.path, reason=member.refusal, size=member.size)
        else:
            film, _ = intake.add_member(archive=archive, name=member.path, data=member.data or b"")
    archive.attempts = 1
    return film


def _held_row(archive: Film) -> QuerySet[Film]:
    """Return the archive's row if its attempt is still this one: every attempt has a lease with its own end."""
    held = {"state": State.RUNNING, "attempts": archive.attempts, "lease_until": archive.lease_until}
    return Film.objects.filter(pk=archive.pk, **held)


def _record_skipped(archive: Film, member: Member) -> None:
    """Record the skipped helper files of an archive or a nested archive in its row."""
    where = f" in {clean_path(member.path)}" if member.path else ""
    lines = [f"{line}{where}" for line in member.skipped]
    new = [line for line in lines if line not in archive.receipt]
    if new and len(archive.receipt) < MAX_SKIPPED_LINES:
        archive.receipt = [*archive.receipt, *new]
        _held_row(archive).update(receipt=archive.receipt)


def _summarise(archive: Film) -> Reason:
    """Return how many files were added and refused, and which helper files were skipped."""
    at_intake = Q(state=State.REJECTED, step="intake")
    counts = Film.objects.filter(archive=archive).aggregate(files=Count("pk"), refused=Count("pk", filter=at_intake))
    files, refused = counts["files"], counts["refused"]
    numbers = {
        "files": f"{files:,} {'file' if files == 1 else 'files'}",
        "accepted": files - refused,
        "refused": refused,
    }
    if archive.receipt:
        return film_codes.UNPACKED_IN_PART.reason(**numbers, skipped=", ".join(archive.receipt))
    return film_codes.UNPACKED.reason(**numbers)


def _finish(archive: Film, state: Film.State, reason: Reason, step: str = "worker") -> None:
    """Move an archive to a final state: its row, then its bytes."""
    with transaction.atomic():
        ended = _held_row(archive).update(
            state=state,
            code=reason.code,
            reason=reason.detail[:400],
            step=step,
            lease_until=None,
            finished_at=Now(),
            stored=False,
        )
        if ended:
            quotas.release_bytes(archive.batch.owner_id, archive.kept_bytes)
    if ended:
        archive_bytes.delete_released_bytes([archive.pk])
