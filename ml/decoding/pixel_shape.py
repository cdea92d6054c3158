"""Shape of a film's pixels by its DICOM header, and the stretching of a film to square pixels.

Source: DICOM PS3.3, sections 10.7.1.3 (spacings: first between rows, then between columns) and C.7.6.3.1.7 (Pixel
Aspect Ratio: first vertical, then horizontal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from ml.decoding.header_numbers import has_decimal_comma, read_numbers
from ml.errors import NoteCode
from ml.note_codes import DECIMAL_COMMA, PIXELS_STRETCHED, SPACING_IGNORED

# In the order of preference: at the patient, at the detector, of a digitised film, without units.
SPACING_KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
SQUARE_TOLERANCE = 0.01  # spacings that were measured differ by less on square pixels
MAX_ASPECT = 8.0  # numbers that differ more are no spacing of a film


@dataclass(frozen=True)
class PixelShape:
    """The shape of a film's pixels.

    Attributes:
        aspect: height of a pixel divided by its width; 1 for square pixels.
        notes: what a reader should know about it.
    """

    aspect: float = 1.0
    notes: tuple[NoteCode, ...] = ()


SQUARE = PixelShape()


def read_pixel_shape(dataset: Dataset) -> PixelShape:
    """Return the shape of the pixels by the first usable attribute of ``SPACING_KEYWORDS``, else a square."""
    notes: tuple[NoteCode, ...] = ()
    for keyword in SPACING_KEYWORDS:
        aspect = _read_aspect(dataset, keyword)
        if aspect is None:
            continue
        if has_decimal_comma(dataset, (keyword,)):
            notes = (*notes, DECIMAL_COMMA)
        if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
            notes = (*notes, SPACING_IGNORED)
        elif abs(math.log(aspect)) <= SQUARE_TOLERANCE:
            return PixelShape(1.0, _unique(notes))
        else:
            return PixelShape(aspect, _unique((*notes, PIXELS_STRETCHED)))
    return PixelShape(1.0, _unique(notes))


def square_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    """Return width and height of a film after stretching: the side with the fewer pixels for its length grows."""
    if aspect >= 1:
        return width, round(height * aspect)
    return round(width / aspect), height


def stretch_to_square(values: NDArray[Any], aspect: float) -> NDArray[Any]:
    """Stretch a film to square pixels by linear interpolation between rows or columns.

    Args:
        values: [H, W], uint8 or uint16.
        aspect: height of a pixel divided by its width.

    Returns:
        of the same type; larger along one side.
    """
    if aspect == 1.0:
        return values
    if aspect < 1:
        return stretch_to_square(values.T, 1 / aspect).T
    rows = square_size(1, len(values), aspect)[1]
    places = ((np.arange(rows) + 0.5) * (len(values) / rows) - 0.5).clip(0, len(values) - 1)
    above = places.astype(np.intp)
    below = np.minimum(above + 1, len(values) - 1)
    shares = (places - above).astype(np.float32)
    stretched = np.empty((rows, values.shape[1]), dtype=values.dtype)
    for row in range(rows):  # row by row: whole planes of floats would take several times the film's memory
        first, second = values[above[row]].astype(np.float32), values[below[row]].astype(np.float32)
        stretched[row] = (first + shares[row] * (second - first)).round()
    return stretched


def _unique(notes: tuple[NoteCode, ...]) -> tuple[NoteCode, ...]:
    return tuple(dict.fromkeys(notes))


def _read_aspect(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an attribute divided by the second, or ``None`` unless both are positive."""
    height, width, *_ = (*read_numbers(dataset, keyword), None, None)
    if height is None or width is None or height <= 0 or width <= 0:
        return None
    aspect = height / width
    return aspect if 0 < aspect < math.inf else None
