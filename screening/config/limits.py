"""Time limits of the worker, all derived from ``CHUNK_SECONDS``, so that their order is always right.

``soft < hard < lease < visibility timeout``: a chunk that takes too long is first asked to stop, then killed. Only
then may another worker claim its films, and only long after that does the broker deliver the message again. On a
stop, a worker gets ``stop`` seconds before it is killed; by then its last chunk has ended. This module imports
nothing, so that the supervisor can use it without Django.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CHUNK_SECONDS = 30
CLOSING_SECONDS = 5  # to write the last results and close connections


@dataclass(frozen=True)
class TimeLimits:
    """Time limits in seconds."""

    soft: int
    hard: int
    lease: int
    visibility: int
    stop: int


def time_limits(chunk_seconds: int) -> TimeLimits:
    """Return the time limits for chunks that may take ``chunk_seconds`` each.

    Raises:
        ValueError: ``chunk_seconds`` is below 1.
    """
    if chunk_seconds < 1:
        raise ValueError("CHUNK_SECONDS must be at least 1")
    hard = chunk_seconds + max(2, chunk_seconds // 4)
    lease = hard + max(3, chunk_seconds // 2)
    return TimeLimits(chunk_seconds, hard, lease, 4 * lease, hard + CLOSING_SECONDS)
