"""Every time limit of the worker, derived from one number so that their order can never be wrong.

``soft < hard < lease < visibility timeout``: a chunk that takes too long is first asked to stop, then killed;
only then may another worker take its films, and only long after that does the broker deliver its message anew.
Whoever stops a worker waits ``stop`` seconds before killing it: by then its last chunk has ended or was killed.
Imports nothing, so that the supervisor can use it without Django.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CHUNK_SECONDS = 30
CLOSING_SECONDS = 5  # after its last chunk: results to the database, connections closed


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    soft: int
    hard: int
    lease: int
    visibility: int
    stop: int


def limits(chunk_seconds: int) -> Limits:
    """The limits for chunks that are allowed ``chunk_seconds`` each.

    Raises:
        ValueError: when ``chunk_seconds`` is below 1.
    """
    if chunk_seconds < 1:
        raise ValueError("CHUNK_SECONDS must be at least 1")
    hard = chunk_seconds + max(2, chunk_seconds // 4)
    lease = hard + max(3, chunk_seconds // 2)
    return Limits(chunk_seconds, hard, lease, 4 * lease, hard + CLOSING_SECONDS)
