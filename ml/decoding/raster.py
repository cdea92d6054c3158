"""PNG, JPEG, TIFF and WebP as 8-bit grey. The first bytes select the format; no other parser is tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml.decoding.bounded_reader import HEADER_READS, READ_BYTES, BoundedReader
from ml.decoding.grey_levels import look_up, make_table, stretch
from ml.decoding.tiff import TiffDirectory

KINDS = frozenset({"png", "jpeg", "tiff", "webp"})
# Pillow's limit is one number for the whole process. Our limit is checked by the header before pixels are decoded.
Image.MAX_IMAGE_PIXELS = None
DEEP_ROWS = 128  # rows of a picture of more than 8 bits that are stretched at once


def open_picture(data: bytes, kind: str) -> Image.Image:
    """Open a picture without decoding its pixels.

    Args:
        data: the file's bytes.
        kind: one of ``KINDS``.

    Raises:
        Exception: any exception that Pillow raises for a damaged file.
    """
    if kind == "tiff":
        data = TiffDirectory(data).readable()
    source = BoundedReader(data, HEADER_READS + len(data) // READ_BYTES)
    picture: Image.Image = Image.open(source, formats=[kind.upper()])
    return picture


def frames_of(picture: Image.Image) -> int:
    """Return how many pictures an open file holds; for a TIFF, 2 stands for any number above 1.

    The pages of a TIFF are a linked list that may be endless, so only the first link is read.
    """
    if picture.format == "TIFF":
        return 2 if getattr(picture, "is_animated", False) else 1
    return int(getattr(picture, "n_frames", 1))


def decode_picture(data: bytes, kind: str, side: int) -> Image.Image:
    """Decode a picture to upright grey, bright meaning dense.

    Args:
        data: the file's bytes.
        kind: one of ``KINDS``.
        side: smallest wanted length of the longer side in pixels. A JPEG may be decoded at a reduced size, but not
            below this.

    Returns:
        Mode ``L``; values of more than 8 bits are spread over 0..255.

    Raises:
        Exception: any exception that Pillow raises for a damaged file.
    """
    picture = open_picture(data, kind)
    if kind == "jpeg":
        picture.draft("L", (side, side))  # lets the JPEG decoder decode at a reduced size
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)  # in place, to save the memory of a second picture
    if picture.mode not in ("I;16", "I;16B", "I", "F"):
        return _to_grey(picture)
    directory = TiffDirectory(data) if kind == "tiff" else None
    if picture.mode == "I;16":
        grey = _stretch_deep(picture)
    else:
        grey = _stretch_wide(picture, unsigned=directory is not None and directory.is_unsigned())
    return ImageOps.invert(grey) if directory and directory.is_deep_inverted() else grey


def _to_grey(picture: Image.Image) -> Image.Image:
    if picture.mode in ("La", "RGBa"):  # premultiplied alpha; Pillow converts these only to the same mode without it
        picture = picture.convert(picture.mode.upper())
    if picture.mode == "LAB":
        return picture.getchannel("L")
    if "A" in picture.mode or "transparency" in picture.info:
        # Transparent parts have arbitrary colours; the surroundings of a film are black.
        opaque = picture.convert("RGBA")
        background = Image.new("RGBA", opaque.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(background, opaque)
    return picture.convert("L")


def _stretch_deep(picture: Any) -> Image.Image:
    """Spread the values of a 16-bit picture over 0..255."""
    low, high = picture.getextrema()
    codes = np.arange(low, high + 1, dtype=np.uint16)
    table = make_table(codes, stretch(codes.astype(np.float32), float(low), float(high)))
    grey = np.empty((picture.height, picture.width), dtype=np.uint8)
    for top, values in _rows(picture):
        grey[top : top + DEEP_ROWS] = look_up(values, table)
    return Image.fromarray(grey)


def _stretch_wide(picture: Image.Image, unsigned: bool) -> Image.Image:
    """Spread values without a table over 0..255; all are from TIFF: big-endian, signed, of 32 bits, or floats.

    Args:
        picture: mode ``I;16B``, ``I`` or ``F``.
        unsigned: whether values of mode ``I`` are unsigned; Pillow takes their highest bit for a sign.
    """
    kind = np.uint32 if unsigned and picture.mode == "I" else None
    low, high = np.inf, -np.inf
    for _, values in _rows(picture):
        known = values.view(kind or values.dtype)
        known = known[np.isfinite(known)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    grey = np.empty((picture.height, picture.width), dtype=np.uint8)
    for top, values in _rows(picture):
        wide = values.view(kind or values.dtype).astype(np.float64)
        wide = np.where(np.isfinite(wide), wide, low) - low  # in float64: large numbers may differ by little
        grey[top : top + DEEP_ROWS] = stretch(wide.astype(np.float32), 0.0, high - low)
    return Image.fromarray(grey)


def _rows(picture: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield a few rows at a time: the number of the first row, and their values. NumPy copies them from Pillow."""
    for top in range(0, picture.height, DEEP_ROWS):
        yield top, np.asarray(picture.crop((0, top, picture.width, min(top + DEEP_ROWS, picture.height))))
