"""The orientation of a picture (EXIF 2.32, section 4.6.4; TIFF 6.0, tag 274): how to turn it upright."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from ml.decoding.bounded_reader import suppress_parser_warnings

ORIENTATION = int(ExifTags.Base.Orientation)
UPRIGHT = 1
ROTATED = range(2, 9)
SIDEWAYS = range(5, 9)  # rows and columns change places


def read_orientation(picture: Image.Image) -> int:
    """Return the orientation that EXIF or XMP of an open picture gives, 1 to 8; no pixel is decoded."""
    try:
        with suppress_parser_warnings():
            # Not the method of a subclass: that of PNG decodes the picture to find what follows the pixels.
            found = Image.Image.getexif(picture).get(ORIENTATION, UPRIGHT)
    except Exception:  # Pillow raises errors of many types for a damaged block; it decodes such pictures unturned
        return UPRIGHT
    return found if isinstance(found, int) and found in ROTATED else UPRIGHT


def find_orientation(info: dict[str, Any]) -> int:
    """Return the orientation, 1 to 8, that is in EXIF or XMP.

    Args:
        info: the entries that Pillow would have in ``Image.info``.
    """
    picture = Image.new("1", (1, 1))
    picture.info.update(info)
    return read_orientation(picture)


def turn_upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of pixels [H, W] that is upright."""
    if orientation in SIDEWAYS:
        values = values.T
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.asarray(values)
