"""What each user has sent, counted in the transaction that adds the row, and what they may send."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from screening.accounts.queries import quota_of
from screening.errors import ScreeningError
from screening.models import Batch, Quota

LIMITS = ("most_files", "most_bytes", "most_open_batches")  # that a user may have of their own

# What each user's rows say they have: owner, files, bytes.
USED = """
SELECT batch.owner_id AS id, count(*) AS files,
    coalesce(sum(film.kept_bytes) FILTER (WHERE film.stored), 0)
    + coalesce(sum(film.bytes) FILTER (WHERE film.as_sent), 0) AS bytes
FROM screening_xray AS film JOIN screening_batch AS batch ON batch.id = film.batch_id
GROUP BY batch.owner_id
"""
RECOUNT = f"""
INSERT INTO screening_quota (user_id, used_files, used_bytes)
{USED}
ON CONFLICT (user_id) DO UPDATE SET used_files = excluded.used_files, used_bytes = excluded.used_bytes
"""


def take(owner_id: int, size: int, *, files: int = 1) -> None:
    """Count files, within the caller's transaction.

    Args:
        owner_id: whose.
        size: bytes they take in the storage.
        files: how many.

    Raises:
        ScreeningError: ``quota_files`` or ``quota_bytes``; then the caller's transaction must not go on.
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


def give_back(owner_id: int, size: int) -> None:
    """Count bytes off that have left the storage, within the caller's transaction."""
    Quota.objects.filter(pk=owner_id).update(used_bytes=F("used_bytes") - size)


def require_room(owner_id: int, size: int) -> None:
    """Refuse early, before anything is stored; :func:`take` decides.

    Raises:
        ScreeningError: as :func:`take`.
    """
    quota = quota_of(owner_id)
    if not quota.files_left or size > quota.bytes_left:
        raise _full(quota)


def require_room_for_batch(owner_id: int) -> None:
    """Refuse another batch to somebody who has many unfinished ones.

    Raises:
        ScreeningError: ``quota_open_batches``.
    """
    quota = quota_of(owner_id)
    if Batch.objects.filter(owner_id=owner_id, submitted_at=None, cancelled_at=None).count() >= quota.batches_allowed:
        raise ScreeningError(
            "quota_open_batches",
            f"You have {quota.batches_allowed} batches not submitted; submit or cancel one of them first.",
            403,
        )


def usual_limits() -> dict[str, int]:
    """The deployment's limits, by the names of a user's own."""
    usual = (settings.QUOTA_FILES, settings.QUOTA_BYTES, settings.QUOTA_OPEN_BATCHES)
    return dict(zip(LIMITS, usual, strict=True))


def set_limits(user_id: int, **limits: int | None) -> Quota:
    """Give a user limits of their own, or the deployment's where ``None``; what they have used stays as it is.

    Args:
        user_id: whose.
        limits: by the names in ``LIMITS``.
    """
    return Quota.objects.update_or_create(pk=user_id, defaults=limits)[0]


def recount() -> None:
    """Charge every user with what their rows say, after rows were changed by hand."""
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)


def _full(quota: Quota, files: int = 1) -> ScreeningError:
    if quota.files_left < files:
        sentence = f"You have sent {quota.used_files:,} files of the {quota.files_allowed:,} you may; ask for more."
        return ScreeningError("quota_files", sentence, 403)
    sentence = f"The file does not fit: {quota.bytes_left:,} of your {quota.bytes_allowed:,} bytes are left."
    return ScreeningError("quota_bytes", sentence, 403)
