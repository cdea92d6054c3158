"""Conversion of pixel values to 8-bit grey, by a table of all values instead of arithmetic on every pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array

Grey = NDArray[np.uint8]
Stored = NDArray[Any]  # pixel values as a file holds them, before any rule is applied

MAX_TABLE_BYTES = 2  # values of up to so many bytes have a table; of 4 bytes it would be larger than any film
# Pixels converted at once: NumPy makes 8-byte indices or floats of them first, and so many fit into the cache.
BLOCK_PIXELS = 1 << 18

LUMA = np.array((0.299, 0.587, 0.114))  # weights of red, green and blue, those of Pillow's "L" (ITU-R BT.601)
COLOUR_ROWS = 64  # rows converted to grey at once, which bounds the memory for floats


def to_luma(colours: Stored, dtype: np.dtype[Any]) -> Stored:
    """Convert colour to grey.

    Args:
        colours: [H, W, 3] or more channels; the first three are used.
        dtype: of the result; values are rounded to an integer type.

    Returns:
        [H, W].
    """
    grey = np.empty(colours.shape[:-1], dtype=dtype)
    for start in range(0, len(colours), COLOUR_ROWS):
        rows = slice(start, start + COLOUR_ROWS)
        levels = colours[rows, ..., :3] @ LUMA
        grey[rows] = levels if dtype.kind == "f" else levels.round()
    return grey


def has_table(stored: Stored) -> bool:
    """Return whether a table of all values is possible: for integers of one or two bytes."""
    return stored.dtype.kind in "ui" and stored.dtype.itemsize <= MAX_TABLE_BYTES


def make_table(codes: Stored, grey: Grey) -> Grey:
    """Make a table for :func:`look_up`.

    Args:
        codes: [N], all stored values that occur, of one or two bytes.
        grey: [N], the grey level of each.

    Returns:
        uint8 [256] or [65536]; negative values count from the end.
    """
    table = np.zeros(1 << (8 * codes.dtype.itemsize), dtype=np.uint8)
    table[codes] = grey
    return table


def look_up(stored: Stored, table: Grey) -> Grey:
    """Replace stored values by their grey levels: uint8 of the same shape.

    Args:
        stored: of any shape, of one or two bytes.
        table: from :func:`make_table`, for values of the same size.
    """
    flat = stored.reshape(-1)
    out = np.empty(flat.size, dtype=np.uint8)
    for start in range(0, flat.size, BLOCK_PIXELS):
        part = slice(start, start + BLOCK_PIXELS)
        # No value lies outside the table. "wrap" serves negative values and skips a second check in NumPy.
        np.take(table, flat[part], out=out[part], mode="wrap")
    return out.reshape(stored.shape)


def list_codes(stored: Stored, low: int, high: int) -> Stored:
    """List every value from the smallest stored, ``low``, to the largest, ``high``, in the machine's byte order."""
    return np.arange(low, high + 1, dtype=np.int64).astype(stored.dtype.newbyteorder("="))


def find_occurring(stored: Stored, codes: Stored) -> NDArray[np.bool_]:
    """Return which of ``codes``, from :func:`list_codes`, occur in a film: bool [N]."""
    flat, lowest = stored.reshape(-1), int(codes[0])
    counts = np.zeros(len(codes), dtype=np.int64)
    for start in range(0, flat.size, BLOCK_PIXELS):
        counts += np.bincount(flat[start : start + BLOCK_PIXELS].astype(np.intp) - lowest, minlength=len(codes))
    return np.asarray(counts > 0)


def stretch(values: Float32Array, low: float, high: float) -> Grey:
    """Spread ``low`` to ``high`` over 0..255; all black where they are equal. Any shape."""
    if not high > low:
        return np.zeros(values.shape, dtype=np.uint8)
    with np.errstate(invalid="ignore"):  # values that do not occur in the film may be out of range
        return np.asarray(((values - low) * (255.0 / (high - low))).round().astype(np.uint8))


def stretch_plane(values: Float32Array) -> Grey:
    """Spread values that have no table, [H, W], over 0..255, a block at a time."""
    low, high = float(values.min()), float(values.max())
    flat = values.reshape(-1)
    out = np.empty(flat.size, dtype=np.uint8)
    for start in range(0, flat.size, BLOCK_PIXELS):
        out[start : start + BLOCK_PIXELS] = stretch(flat[start : start + BLOCK_PIXELS], low, high)
    return out.reshape(values.shape)
