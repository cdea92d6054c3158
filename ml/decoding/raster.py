"""PNG, JPEG, TIFF and WebP as 8-bit grey. The first bytes select the format; no other parser is tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml.decoding.bounded_reader import HEADER_READS, READ_BYTES, BoundedReader
from ml.decoding.deep_pictures import decode_deep
from ml.decoding.grey_levels import look_up, make_table, stretch
from ml.decoding.tiff import find_film
from ml.decoding.tiff_layout import is_unsigned

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
        data = find_film(data).directory.for_pillow()
    source = BoundedReader(data, HEADER_READS + len(data) // READ_BYTES)
    picture: Image.Image = Image.open(source, formats=[kind.upper()])
    return picture


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
    deep = decode_deep(data, kind)
    if deep is not None:
        grey = _to_grey_levels(deep.values)
        return ImageOps.invert(grey) if deep.inverted else grey
    picture = open_picture(data, kind)
    if kind == "jpeg":
        picture.draft("L", (side, side))  # lets the JPEG decoder decode at a reduced size
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)  # in place, to save the memory of a second picture
    if picture.mode not in ("I;16", "I;16B", "I", "F"):
        return _to_grey(picture)
    directory = find_film(data).directory if kind == "tiff" else None
    if picture.mode == "I;16":
        grey = _stretch_deep(picture, *_extremes(picture))
    else:
        grey = _stretch_wide(picture, unsigned=directory is not None and is_unsigned(directory))
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


def _extremes(picture: Any) -> tuple[int, int]:
    low, high = picture.getextrema()
    return int(low), int(high)


def _to_grey_levels(values: NDArray[Any]) -> Image.Image:
    """Return values [H, W] as grey levels; uint8 as they are, all others spread over 0..255."""
    if values.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(values))
    if values.dtype == np.uint16:
        return _stretch_deep(values, int(values.min()), int(values.max()))
    return _stretch_wide(values)


def _stretch_deep(pixels: Any, low: int, high: int) -> Image.Image:
    """Spread 16-bit values from ``low`` to ``high`` over 0..255."""
    codes = np.arange(low, high + 1, dtype=np.uint16)
    table = make_table(codes, stretch(codes.astype(np.float32), float(low), float(high)))
    grey = np.empty(_shape(pixels), dtype=np.uint8)
    for top, values in _rows(pixels):
        grey[top : top + DEEP_ROWS] = look_up(values, table)
    return Image.fromarray(grey)


def _stretch_wide(pixels: Image.Image | NDArray[Any], unsigned: bool = False) -> Image.Image:
    """Spread values without a table over 0..255: signed ones, those of 32 bits, and floats; all are from TIFF.

    Args:
        pixels: of mode ``I;16B``, ``I`` or ``F``, or [H, W] of any type.
        unsigned: whether values of mode ``I`` are unsigned; Pillow takes their highest bit for a sign.
    """
    kind = np.uint32 if unsigned and isinstance(pixels, Image.Image) and pixels.mode == "I" else None
    low, high = np.inf, -np.inf
    for _, values in _rows(pixels):
        known = values.view(kind or values.dtype)
        known = known[np.isfinite(known)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    grey = np.empty(_shape(pixels), dtype=np.uint8)
    for top, values in _rows(pixels):
        wide = values.view(kind or values.dtype).astype(np.float64)
        wide = np.where(np.isfinite(wide), wide, low) - low  # in float64: large numbers may differ by little
        grey[top : top + DEEP_ROWS] = stretch(wide.astype(np.float32), 0.0, high - low)
    return Image.fromarray(grey)


def _shape(pixels: Image.Image | NDArray[Any]) -> tuple[int, ...]:
    return pixels.shape if isinstance(pixels, np.ndarray) else (pixels.height, pixels.width)


def _rows(pixels: Image.Image | NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield a few rows at a time: the number of the first row, and their values. NumPy copies them from Pillow."""
    height = _shape(pixels)[0]
    for top in range(0, height, DEEP_ROWS):
        if isinstance(pixels, np.ndarray):
            yield top, pixels[top : top + DEEP_ROWS]
        else:
            yield top, np.asarray(pixels.crop((0, top, pixels.width, min(top + DEEP_ROWS, height))))
