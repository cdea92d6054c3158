"""Bytes of archives, which are stored as they were sent and therefore only until the archive is final.

A film is cleaned before it is stored; an archive is cleaned file by file while it is unpacked. Its bytes have names,
comments and headers of the sender, so no final state keeps them: first the row gives them up, then they are deleted.
Between the two the row has ``stored=False`` and the number of its bytes, by which the sweep finds what a killed
process left behind.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from screening.accounts import quotas
from screening.intake.inspection import ARCHIVE_KIND
from screening.models import ORIGINAL, Batch, Film, PendingArchive

log = logging.getLogger(__name__)

# Storing takes minutes at most; then the process that stored has died.
PENDING_DURATION = timedelta(hours=2)
MAX_ARCHIVES = 1000  # at a time; the next sweep continues


@contextmanager
def pending_archive(film: Film) -> Iterator[None]:
    """Remember an archive while its bytes are stored and its row is inserted, so that the sweep finds lost bytes.

    Args:
        film: the new row.
    """
    PendingArchive.objects.create(film_id=film.pk)
    try:
        yield
    except Exception:  # the bytes were deleted then; where the process is ended they were not
        PendingArchive.objects.filter(film_id=film.pk).delete()
        raise
    PendingArchive.objects.filter(film_id=film.pk).delete()


def delete_lost_bytes() -> int:
    """Delete the bytes of archives whose process died before it inserted their row; return how many."""
    lost = 0
    old = PendingArchive.objects.filter(created_at__lt=Now() - Value(PENDING_DURATION))
    for pending in old[:MAX_ARCHIVES]:
        if not Film.objects.filter(pk=pending.film_id).exists():
            try:
                default_storage.delete(Film(pk=pending.film_id).storage_name(ORIGINAL))
            except OSError:
                log.exception("the bytes of archive %s cannot be deleted now", pending.film_id)
                continue
            lost += 1
        pending.delete()
    return lost


def release_final_archives(batch: Batch | None = None) -> int:
    """Give up the bytes of archives that are final, and delete them after the commit; return how many.

    Args:
        batch: only the archives of this batch.
    """
    # A condition on the number of bytes lets the index of these rows be used.
    final = Film.objects.filter(kind=ARCHIVE_KIND, kept_bytes__gt=0, stored=True, state__in=Film.FINAL_STATES)
    if batch is not None:
        final = final.filter(batch=batch)
    read_by_others = Film.objects.filter(source__isnull=False, state__in=[Film.State.QUEUED, Film.State.RUNNING])
    final = final.exclude(pk__in=read_by_others.values("source_id"))
    with transaction.atomic():
        rows = final.select_for_update(no_key=True, of=("self",)).values_list("pk", "batch__owner_id", "kept_bytes")
        found = list(rows[:MAX_ARCHIVES])
        ids = [pk for pk, _, _ in found]
        Film.objects.filter(pk__in=ids).update(stored=False)
        released: Counter[int] = Counter()
        for _, owner, size in found:
            released[owner] += size
        for owner, size in sorted(released.items()):
            quotas.release_bytes(owner, size)
        if ids:
            transaction.on_commit(lambda: delete_released_bytes(ids))
    return len(ids)


def delete_released_bytes(ids: Collection[UUID] | None = None) -> None:
    """Delete the bytes that rows of archives have given up; those that cannot be deleted now are tried again later.

    Args:
        ids: of the archives; all of them where it is left out.
    """
    released = Film.objects.filter(kind=ARCHIVE_KIND, kept_bytes__gt=0, stored=False)
    if ids is not None:
        released = released.filter(pk__in=ids)
    for archive in released[:MAX_ARCHIVES]:
        try:
            default_storage.delete(archive.storage_name(ORIGINAL))
        except OSError:
            log.exception("the bytes of archive %s cannot be deleted now", archive.pk)
        else:
            Film.objects.filter(pk=archive.pk, stored=False).update(kept_bytes=0)
