"""What may be sent, shown before anything is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from screening import queries
from screening.intake import MIN_SIDE


def limits_for(user: User) -> dict[str, Any]:
    """What the upload form says of the limits, and what is left of the user's own."""
    return {
        "max_file_bytes": settings.MAX_FILE_BYTES,
        "max_megapixels": settings.MAX_MEGAPIXELS,
        "max_archive_bytes": settings.MAX_ARCHIVE_BYTES,
        "max_archive_members": settings.MAX_ARCHIVE_MEMBERS,
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "min_side": MIN_SIDE,
        "quota": queries.quota_of(user),
    }
