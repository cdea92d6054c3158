"""What may be sent: the limits of the door and what is left of a user's own, said before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User

from screening.accounts.queries import quota_of
from screening.intake.inspection import MIN_SIDE
from screening.models import Quota


@dataclass(frozen=True)
class Allowance:
    """Limits, and a user's quota.

    Attributes:
        max_file_bytes: bytes of one film.
        max_megapixels: pixels that a film may declare, in millions.
        min_side: pixels that a film must have on each side.
        max_archive_bytes: bytes of a ZIP.
        max_archive_members: files and folders in it.
        max_unpacked_bytes: bytes of all files in it together.
        max_files: files in one request.
        quota: what the user has sent and may send.
    """

    max_file_bytes: int
    max_megapixels: int
    min_side: int
    max_archive_bytes: int
    max_archive_members: int
    max_unpacked_bytes: int
    max_files: int
    quota: Quota


def allowance_of(user: User) -> Allowance:
    """What a user may send now."""
    return Allowance(
        max_file_bytes=settings.MAX_FILE_BYTES,
        max_megapixels=settings.MAX_MEGAPIXELS,
        min_side=MIN_SIDE,
        max_archive_bytes=settings.MAX_ARCHIVE_BYTES,
        max_archive_members=settings.MAX_ARCHIVE_MEMBERS,
        max_unpacked_bytes=settings.MAX_UNPACKED_BYTES,
        max_files=settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        quota=quota_of(user.pk),
    )
