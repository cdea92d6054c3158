"""The size limit of a film and the limits derived from it.

The web system passes its setting ``MAX_MEGAPIXELS`` in; the number here is the default of that setting and of the
command lines.
"""

from __future__ import annotations

MEGAPIXEL = 1_000_000
MAX_PIXELS = 120 * MEGAPIXEL  # declared pixels; the largest flat detectors give about 20 million
BYTES_A_PIXEL = 4  # of an inflated data set, for each pixel that a film may have


def unpacked_bytes(max_pixels: int) -> int:
    """Return the largest size in bytes of an inflated data set, for films of at most so many pixels."""
    return BYTES_A_PIXEL * max_pixels
