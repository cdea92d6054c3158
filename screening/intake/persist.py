"""Writing of accepted files: bytes into the storage first, then the film's row under the batch's lock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from screening.accounts import quotas
from screening.models import Batch, Film
from screening.storage import local as storage
from screening.storage.spool import storage_failed

log = logging.getLogger(__name__)

BatchCheck = Callable[[Batch], None]  # raises ScreeningError where the batch accepts no file


def find_twin(film: Film) -> Film | None:
    """Return the row that the batch has for the same bytes: the one of the same name, else the accepted one."""
    same = Film.objects.filter(batch_id=film.batch_id, sha256=film.sha256)
    same_name = same.filter(original_name=film.original_name).first()
    return same_name or same.exclude(state=Film.State.REJECTED).first()


def insert_row(film: Film, stored_bytes: int, require_batch: BatchCheck) -> None:
    """Insert a film's row and charge its owner's quota, in one transaction.

    Args:
        film: the new row.
        stored_bytes: the bytes that the storage holds for it.
        require_batch: checks the batch under its lock.

    Raises:
        ScreeningError: that of ``require_batch``, ``quota_files`` or ``quota_bytes``.
        IntegrityError: another request has inserted a row for the same bytes.
    """
    # The lock orders this insert before or after a submission or cancellation, never at the same time.
    with transaction.atomic():
        require_batch(Batch.objects.select_for_update(no_key=True).get(pk=film.batch_id))
        quotas.charge_quota(film.batch.owner_id, stored_bytes)
        film.save(force_insert=True)


def store_film(film: Film, parts: Mapping[str, File[Any]], require_batch: BatchCheck) -> Film | None:
    """Store a film's files durably, then insert its row as QUEUED. Nothing is left in the storage after an error.

    Args:
        film: the new row.
        parts: file contents by part, see ``Film.storage_name``.
        require_batch: checks the batch under its lock.

    Returns:
        ``None``, or the row of the same bytes that another request inserted first.

    Raises:
        ScreeningError: ``storage_failed``, or as :func:`insert_row`.
    """
    names = _store_files(film, parts)
    film.state, film.stored = Film.State.QUEUED, True
    try:
        insert_row(film, film.kept_bytes + (film.bytes if film.as_sent else 0), require_batch)
    except IntegrityError:  # two requests sent the same bytes at once
        _delete_files(names)
        twin = find_twin(film)
        if twin is None:
            raise
        film.stored = film.as_sent = False
        film.kept_bytes = 0
        return twin
    except Exception:
        _delete_files(names)
        raise
    return None


def _store_files(film: Film, parts: Mapping[str, File[Any]]) -> list[str]:
    """Store files so that a power cut does not lose them, and return their names in the storage."""
    names: list[str] = []
    try:
        for part, content in parts.items():
            names.append(film.storage_name(part))
            storage.make_durable(default_storage.save(names[-1], content))
    except OSError as error:
        log.exception("a file could not be stored")
        _delete_files(names)
        raise storage_failed() from error
    return names


def _delete_files(names: Sequence[str]) -> None:
    """Delete stored files. ``check_invariants`` reports those that cannot be deleted now."""
    for name in names:
        try:
            default_storage.delete(name)
        except OSError:
            log.exception("%s is left in the storage", name)
