"""The mark in the files of phantom films, and the search for it. The web process does not need the drawing code."""

from __future__ import annotations

SYNTHETIC_MARK = "Synthetic numerical phantom, not a patient"
SEARCHED_BYTES = 64 * 1024  # at the beginning of a file and at its end, where WebP has the mark


def is_synthetic(data: bytes) -> bool:
    """Return whether a file carries the mark in its first or last 64 kB; nothing is decoded.

    The mark is a label, not a proof: anyone may add or strip it.
    """
    mark = SYNTHETIC_MARK.encode("ascii")
    return mark in data[:SEARCHED_BYTES] or mark in data[-SEARCHED_BYTES:]
