"""Settings that a page hands to its scripts, each as one JSON element: addresses, limits and numbers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from screening.intake.limits import UploadLimits
from screening.models import Batch, Film
from xrayscreen import helper_files

CLAIM_RENEWALS = 5  # by the open page, in the time that a claim lasts
# Names of the addresses that the upload script uses, and their routes.
BATCH_ROUTES = {
    "page": "batch",
    "progress": "batch-progress",
    "files": "batch-add",
    "missing": "batch-missing",
    "submit": "batch-submit",
    "cancel": "batch-cancel",
}


def batch_addresses(batch: Batch) -> dict[str, str]:
    """Return the addresses that the upload script uses for a batch."""
    return {name: reverse(route, args=[batch.pk]) for name, route in BATCH_ROUTES.items()}


def upload_settings(user_id: int, allowance: UploadLimits, batch: Batch | None = None) -> dict[str, Any]:
    """Return the settings of the upload form.

    Args:
        user_id: whose unfinished upload the browser offers to continue.
        allowance: what the user may upload now.
        batch: the open batch whose page this is; without one, the form creates a batch.
    """
    quota = allowance.quota
    return {
        "user": str(user_id),
        "openAddress": reverse("batch-open"),
        "limits": {
            "maxFile": allowance.max_file_bytes,
            "maxArchive": allowance.max_archive_bytes,
            "quotaBytes": quota.bytes_left if quota else None,
            "quotaFiles": quota.files_left if quota else None,
        },
        "helperFiles": helper_files.script_settings(),
        "batch": {"id": str(batch.pk), "name": batch.name, "addresses": batch_addresses(batch)} if batch else None,
    }


def viewer_settings(film: Film, *, blind: bool = False) -> dict[str, Any]:
    """Return the settings of the film viewer.

    Args:
        film: a decoded film.
        blind: whether the model's result is hidden; then there is no heatmap.
    """
    return {
        "width": film.width,
        "height": film.height,
        "pixels": reverse("film-pixels", args=[film.pk]),
        "heatmap": reverse("film-map", args=[film.pk]) if film.mapped and not blind else None,
    }


def reading_settings(film: Film) -> dict[str, Any]:
    """Return the settings of a film's page in the reading room."""
    return {
        "renewAddress": reverse("reading-beat", args=[film.pk]),
        "renewSeconds": max(1, settings.READING_CLAIM_SECONDS // CLAIM_RENEWALS),
        "prefetchAddress": reverse("reading-ahead", args=[film.pk]),
    }
