"""Which pixel values of a DICOM film stand for no film (PS3.3 C.7.5.1.1.2): the borders that systems add.

The network's picture and the viewer's values both take them from here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue

SIGN, VALUES = 1 << 15, 1 << 16  # of 16 bits, which both attributes have


def padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """Return the smallest and the largest stored value that stand for no film, or ``None`` where none does.

    The header gives one value, or two that are the ends of a range, in either order. A limit without a value means
    nothing. Values are read with the sign of the pixels, whatever VR they were written with.
    """
    value = _number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    return low, high


def is_padding(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where stored values, as they are before any modality LUT, stand for no film: bool of their shape."""
    ends = padding_range(dataset)
    if ends is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    return np.asarray((stored >= ends[0]) & (stored <= ends[1]))


def _number(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):  # one is allowed
        value = value[0] if value else None
    if value is None or value == "":
        return None
    number = int(value)
    signed = dataset.get("PixelRepresentation") == 1
    if signed and SIGN <= number < VALUES:
        return number - VALUES
    return number + VALUES if number < 0 and not signed else number
