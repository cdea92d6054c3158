"""All time limits of the worker, derived from ``CHUNK_SECONDS``, so that their order is always right.

``soft < hard < lease < visibility``: a chunk that takes too long is first interrupted, then killed; only then may
another worker claim its films, and only long after that does the broker deliver its message again. A supervisor that
stops a worker waits ``stop`` seconds before it kills it: by then its last chunk has ended or was killed. The compose
file and docs/settings.md repeat ``stop``; tests/test_deployment.py compares them.

The module imports nothing, so that the supervisor can use it without Django.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CHUNK_SECONDS = 30
CLOSING_SECONDS = 5  # to write the last results and close connections


@dataclass(frozen=True)
class TimeLimits:
    """Time limits of a worker in seconds.

    Attributes:
        soft: a chunk is interrupted.
        hard: its process is killed.
        lease: another worker may claim its films.
        visibility: the broker delivers its message again.
        stop: a worker that was told to stop is killed.
    """

    soft: int
    hard: int
    lease: int
    visibility: int
    stop: int


def time_limits(chunk_seconds: int) -> TimeLimits:
    """Return the limits for chunks of at most ``chunk_seconds`` seconds.

    Raises:
        ValueError: ``chunk_seconds`` is below 1.
    """
    if chunk_seconds < 1:
        raise ValueError("CHUNK_SECONDS must be at least 1")
    hard = chunk_seconds + max(2, chunk_seconds // 4)
    lease = hard + max(3, chunk_seconds // 2)
    return TimeLimits(chunk_seconds, hard, lease, 4 * lease, hard + CLOSING_SECONDS)
