"""Limits of uploads and the rest of a user's quota, as clients can read them before they send anything."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User

from ml.decoding.headers import MIN_SIDE
from screening.accounts.queries import quota_of
from screening.models import Quota


@dataclass(frozen=True)
class UploadLimits:
    """The deployment's limits, and a user's quota.

    Attributes:
        max_file_bytes: bytes of one film.
        max_megapixels: pixels that a film may declare, in millions.
        min_side: pixels that a film must have on each side.
        max_archive_bytes: bytes of a ZIP.
        max_archive_members: files and folders in a ZIP.
        max_unpacked_bytes: bytes of all files in a ZIP together, unpacked.
        max_files: files in one request.
        quota: the user's quota and its use.
    """

    max_file_bytes: int
    max_megapixels: int
    min_side: int
    max_archive_bytes: int
    max_archive_members: int
    max_unpacked_bytes: int
    max_files: int
    quota: Quota


def upload_limits_of(user: User) -> UploadLimits:
    """Return the limits that apply to a user's uploads now."""
    return UploadLimits(
        max_file_bytes=settings.MAX_FILE_BYTES,
        max_megapixels=settings.MAX_MEGAPIXELS,
        min_side=MIN_SIDE,
        max_archive_bytes=settings.MAX_ARCHIVE_BYTES,
        max_archive_members=settings.MAX_ARCHIVE_MEMBERS,
        max_unpacked_bytes=settings.MAX_UNPACKED_BYTES,
        max_files=settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        quota=quota_of(user.pk),
    )
