"""Checks of the settings, run by `manage.py check` and at every start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ml.inference.bundle import bundle_names
from screening.config.limits import time_limits

POSITIVE = (
    "WORKER_PROCESSES", "WORKER_THREADS", "CHUNK_FILMS", "CHUNK_MEGAPIXELS", "SWEEP_SECONDS", "SMALL_BATCH_FILMS",
    "MAX_FILE_BYTES",
)  # fmt: skip


@register(Tags.compatibility)
def check_default_model(**_: Any) -> list[CheckMessage]:
    """Check that the default model's bundle exists."""
    if settings.DEFAULT_MODEL in bundle_names():
        return []
    known = ", ".join(bundle_names()) or "none"
    return [
        Error(
            f"There is no model {settings.DEFAULT_MODEL!r}; there are: {known}.",
            hint="Set SCREENING_MODEL to one of them.",
            id="screening.E001",
        )
    ]


@register(Tags.compatibility)
def check_positive_limits(**_: Any) -> list[CheckMessage]:
    """Check that sizes and times are positive."""
    try:
        time_limits(settings.CHUNK_SECONDS)
    except ValueError as error:
        return [Error(str(error), id="screening.E002")]
    wrong = [name for name in POSITIVE if getattr(settings, name) < 1]
    return [Error(f"{name} must be at least 1.", id="screening.E003") for name in wrong]
