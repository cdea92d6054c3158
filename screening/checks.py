"""What `manage.py check` and every start look at, so that a wrong installation says so at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ml.inference.bundle import names
from screening.config.limits import limits

POSITIVE = (
    "WORKER_PROCESSES", "WORKER_THREADS", "CHUNK_FILMS", "CHUNK_MEGAPIXELS", "SWEEP_SECONDS", "SMALL_BATCH_FILMS",
    "MAX_FILE_BYTES",
)  # fmt: skip


@register(Tags.compatibility)
def model_is_there(**_: Any) -> list[CheckMessage]:
    """The default model's bundle must be among those that ship."""
    if settings.DEFAULT_MODEL in names():
        return []
    known = ", ".join(names()) or "none"
    return [
        Error(
            f"There is no model {settings.DEFAULT_MODEL!r}; there are: {known}.",
            hint="Set SCREENING_MODEL to one of them.",
            id="screening.E001",
        )
    ]


@register(Tags.compatibility)
def limits_are_usable(**_: Any) -> list[CheckMessage]:
    """Sizes and times must be positive."""
    try:
        limits(settings.CHUNK_SECONDS)
    except ValueError as error:
        return [Error(str(error), id="screening.E002")]
    wrong = [name for name in POSITIVE if getattr(settings, name) < 1]
    return [Error(f"{name} must be at least 1.", id="screening.E003") for name in wrong]
