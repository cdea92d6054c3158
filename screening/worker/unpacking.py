"""What a worker does with an archive: every file in it gets a row of its own, then the archive itself goes.

An attempt works for a slice of a chunk's time and hands the archive back; the rows tell the next one where to go on.
Whoever is killed in between has lost nothing but time, and an attempt that added a row was not in vain: it does not
count towards the last one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
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
from screening.intake import services as intake
from screening.intake.filenames import clean_path
from screening.intake.inspection import ARCHIVE
from screening.intake.zip import archive as archives
from screening.intake.zip.archive import Member
from screening.models import ORIGINAL, Batch, Film
from screening.worker import leases

State = Film.State

MOST_NOTED = 100  # lines of what was left out


class _LostError(Exception):
    """Another attempt has the archive; this one must leave it alone."""


def unpack(archive: Film, until: float) -> None:
    """Add the files of a claimed archive to its batch, and end it or hand it back to the queue to go on later.

    Args:
        archive: a row that :func:`screening.worker.leases.claim` has given to this worker.
        until: when to stop, by ``time.monotonic()``; one file is added in any case.

    Raises:
        OSError: when the archive cannot be read.
        ScreeningError: ``storage_failed``.
    """
    archive.batch = Batch.objects.get(pk=archive.batch_id)  # it may have been cancelled since the claim
    added = _Added(archive)
    try:
        finished = _add_members(archive, added, until)
        added.publish()
        if finished:
            _end(archive, State.UNPACKED, _summary(archive))
        else:
            put_off([archive])
    except FilmError as error:
        _end(archive, State.REJECTED, error.reason)
    except ScreeningError as error:
        _end_early(archive, added, error)
    except _LostError:
        pass


def _end_early(archive: Film, added: _Added, error: ScreeningError) -> None:
    """End an archive of which no further file can be added; raise the error again where that is not so."""
    if error.code == film_codes.BATCH_CANCELLED.code:
        state, code = State.CANCELLED, film_codes.ARCHIVE_CANCELLED
    elif error.code == film_codes.QUOTA_FILES.code:
        state, code = State.REJECTED, film_codes.QUOTA_FILES
    else:
        raise error
    added.publish()
    _end(archive, state, code.reason(why=error.detail, summary=_summary(archive).detail), code.stage)


def put_off(waiting: Sequence[Film]) -> None:
    """Hand claimed archives back to go on with them in messages of their own, behind what waits already."""
    leases.postpone(waiting)
    publishing.publish([archive.pk for archive in waiting], queue=BULK, alone=True)


def discard_leftovers(ids: Collection[UUID]) -> None:
    """Delete the bytes of those archives that ended, but whose worker died before it had deleted them.

    Args:
        ids: rows that a message names and that nobody can claim: it was delivered again.
    """
    for archive in Film.objects.filter(pk__in=ids, kind=ARCHIVE, stored=False, kept_bytes__gt=0):
        _discard(archive)


class _Added:
    """Rows of this attempt, published in groups while it goes on."""

    def __init__(self, archive: Film) -> None:
        self.done = dict(Film.objects.filter(archive=archive).values_list("original_name", "bytes"))
        self._total = len(self.done)
        self._waiting: list[UUID] = []

    def take(self, film: Film) -> None:
        """One row more."""
        self._total += 1
        if film.state == State.QUEUED:
            self._waiting.append(film.pk)
        if len(self._waiting) >= settings.CHUNK_FILMS * 2 * settings.CUT_FOR_PROCESSES:  # enough for full chunks
            self.publish()

    def publish(self) -> None:
        """Tell the workers of what waits; small archives go ahead of large ones, as small batches do."""
        if self._waiting:
            Film.objects.filter(pk__in=self._waiting, state=State.QUEUED).update(published_at=Now())
            publishing.publish(self._waiting, queue=SMALL if self._total <= settings.SMALL_BATCH_FILMS else BULK)
            self._waiting = []


def _add_members(archive: Film, added: _Added, until: float) -> bool:
    """Add what has no row yet; returns whether that was all."""
    named = partial(intake.member_name, archive)
    with default_storage.open(archive.storage_name(ORIGINAL)) as file:
        for member in archives.members(file, archives.limits(), named=named, done=added.done):
            try:
                film = _add(archive, member)
            except ScreeningError as error:
                if error.code != film_codes.QUOTA_BYTES.code:
                    raise
                # There is room for a row without bytes, which says so.
                refusal = film_codes.QUOTA_BYTES.reason(why=error.detail)
                film = _add(archive, Member(member.path, None, refusal, member.size))
            if film is not None:
                added.take(film)
                if time.monotonic() > until:
                    return False
    return True


def _add(archive: Film, member: Member) -> Film | None:
    """Add one file's row, while nobody can take the archive from this worker."""
    with transaction.atomic():
        if not list(_held(archive).select_for_update(no_key=True).values_list("pk")):
            raise _LostError
        if member.left_out:
            _note(archive, member)
            return None
        if archive.attempts > 1:
            _held(archive).update(attempts=1)
        if member.refusal is not None:
            film = intake.refuse_member(archive=archive, name=member.path, reason=member.refusal, size=member.size)
        else:
            film, _ = intake.add_member(archive=archive, name=member.path, data=member.data or b"")
    archive.attempts = 1
    return film


def _held(archive: Film) -> QuerySet[Film]:
    """The archive's row, if its attempt is still this one: each has a lease that ends at a moment of its own."""
    held = {"state": State.RUNNING, "attempts": archive.attempts, "lease_until": archive.lease_until}
    return Film.objects.filter(pk=archive.pk, **held)


def _note(archive: Film, member: Member) -> None:
    """Note the helper files that an archive, or one inside it, is relieved of."""
    where = f" in {clean_path(member.path)}" if member.path else ""
    lines = [f"{line}{where}" for line in member.left_out]
    new = [line for line in lines if line not in archive.receipt]
    if new and len(archive.receipt) < MOST_NOTED:
        archive.receipt = [*archive.receipt, *new]
        _held(archive).update(receipt=archive.receipt)


def _summary(archive: Film) -> Reason:
    """Return how many files were added and refused, and which helper files of an operating system were skipped."""
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


def _end(archive: Film, state: Film.State, reason: Reason, step: str = "worker") -> None:
    """Move an archive to a final state: its row first, then its bytes. A cancelled one keeps them, as films do."""
    kept = state == State.CANCELLED
    with transaction.atomic():
        ended = _held(archive).update(
            state=state,
            code=reason.code,
            reason=reason.detail[:400],
            step=step,
            lease_until=None,
            finished_at=Now(),
            stored=kept,
        )
        if ended and not kept:
            quotas.release_bytes(archive.batch.owner_id, archive.kept_bytes)
    if ended and not kept:
        _discard(archive)


def _discard(archive: Film) -> None:
    """Delete an ended archive's bytes. Until that is done, its row says how many there are."""
    default_storage.delete(archive.storage_name(ORIGINAL))
    Film.objects.filter(pk=archive.pk, stored=False).update(kept_bytes=0)
