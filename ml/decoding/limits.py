"""How large a film may be: one limit, from which the decoders' own follow.

Whoever serves films passes the limit in; what is here is the default.
"""

from __future__ import annotations

MEGAPIXEL = 1_000_000
MAX_PIXELS = 120 * MEGAPIXEL  # declared pixels; the largest flat detectors give about 20 million
BYTES_A_PIXEL = 4  # of a deflated data set, for each pixel that its film may have


def unpacked_bytes(max_pixels: int) -> int:
    """Return how many bytes a deflated data set may become whose film may have so many pixels."""
    return BYTES_A_PIXEL * max_pixels
