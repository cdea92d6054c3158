"""Quotas: what each user has sent, counted in the transaction that adds the row, and their limits."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from screening.accounts.queries import quota_of
from screening.codes import batch_codes
from screening.errors import ScreeningError
from screening.models import Batch, Quota

LIMITS = (
    "most_files",
    "most_bytes",
    "most_open_batches",
)  # fields of Quota that an administrator can set for one user

# Usage according to the films' rows: owner, files, bytes.
USAGE = """
SELECT batch.owner_id AS id, count(*) AS files,
    coalesce(sum(film.kept_bytes) FILTER (WHERE film.stored), 0)
    + coalesce(sum(film.bytes) FILTER (WHERE film.as_sent), 0) AS bytes
FROM screening_xray AS film JOIN screening_batch AS batch ON batch.id = film.batch_id
GROUP BY batch.owner_id
"""
RECOUNT = f"""
INSERT INTO screening_quota (user_id, used_files, used_bytes)
{USAGE}
ON CONFLICT (user_id) DO UPDATE SET used_files = excluded.used_files, used_bytes = excluded.used_bytes
"""


def charge_quota(owner_id: int, size: int, *, files: int = 1) -> None:
    """Add files to a user's usage, within the caller's transaction.

    Args:
        owner_id: the user.
        size: bytes in the storage, of all of them.
        files: number of files.

    Raises:
        ScreeningError: ``quota_files`` or ``quota_bytes``; the caller must roll its transaction back.
    """
    room = Quota.objects.filter(
        pk=owner_id,
        used_files__lte=Coalesce(F("most_files"), Value(settings.QUOTA_FILES)) - Value(files),
        used_bytes__lte=Coalesce(F("most_bytes"), Value(settings.QUOTA_BYTES)) - Value(size),
    )
    counted = {"used_files": F("used_files") + files, "used_bytes": F("used_bytes") + size}
    if room.update(**counted):
        return
    quota, _ = Quota.objects.get_or_create(pk=owner_id)
    if not room.update(**counted):
        raise _full(quota, files)


def release_bytes(owner_id: int, size: int) -> None:
    """Subtract deleted bytes from a user's usage, within the caller's transaction."""
    Quota.objects.filter(pk=owner_id).update(used_bytes=F("used_bytes") - size)


def require_space(owner_id: int, size: int) -> None:
    """Refuse a file early, before anything is stored; :func:`charge_quota` makes the exact check.

    Raises:
        ScreeningError: as :func:`charge_quota`.
    """
    quota = quota_of(owner_id)
    if not quota.files_left or size > quota.bytes_left:
        raise _full(quota)


def require_open_batch(owner_id: int) -> None:
    """Refuse another batch to a user who has too many open ones.

    Raises:
        ScreeningError: ``quota_open_batches``.
    """
    quota = quota_of(owner_id)
    if Batch.objects.filter(owner_id=owner_id, submitted_at=None, cancelled_at=None).count() >= quota.batches_allowed:
        raise ScreeningError(batch_codes.QUOTA_OPEN_BATCHES, allowed=quota.batches_allowed)


def default_limits() -> dict[str, int]:
    """Return the limits from the settings, by the field names in ``LIMITS``."""
    usual = (settings.QUOTA_FILES, settings.QUOTA_BYTES, settings.QUOTA_OPEN_BATCHES)
    return dict(zip(LIMITS, usual, strict=True))


def set_limits(user_id: int, **limits: int | None) -> Quota:
    """Set a user's own limits; ``None`` selects the limit from the settings. Usage does not change.

    Args:
        user_id: the user.
        limits: by the field names in ``LIMITS``.
    """
    return Quota.objects.update_or_create(pk=user_id, defaults=limits)[0]


def recount_usage() -> None:
    """Recompute every user's usage from the films' rows, after rows were changed by hand."""
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)


def _full(quota: Quota, files: int = 1) -> ScreeningError:
    if quota.files_left < files:
        return ScreeningError(batch_codes.QUOTA_FILES, used=quota.used_files, allowed=quota.files_allowed)
    return ScreeningError(batch_codes.QUOTA_BYTES, left=quota.bytes_left, allowed=quota.bytes_allowed)
