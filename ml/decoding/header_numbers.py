"""Numbers and codes of a DICOM header, read tolerantly: a value that cannot be read is ``None``, never an error.

pydicom raises for a number with a decimal comma, for a value of the wrong length and for a wrong value representation
(VR). Vendors write all of them, and the pixels beside them are sound.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import Tag

UNIT = re.compile(r"(?<=[\d.]) ?(HU|MM|OD)$", re.IGNORECASE)  # behind a number, where some systems write it
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Of a byte-coded number; the first character is its kind in NumPy, the second its size in bytes.
BINARY_VRS = {
    "US": "u2", "SS": "i2", "US or SS": "u2", "US or OW": "u2", "US or SS or OW": "u2", "OW": "u2", "OB": "u2",
    "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8", "FL": "f4", "OF": "f4", "FD": "f8", "OD": "f8",
}  # fmt: skip
BLANKS = " \0\t\r\n"


def read_numbers(dataset: Dataset, keyword: str) -> list[float | None]:
    """Return the values of an attribute; ``None`` in the place of a value that is empty, no number, or not finite.

    A decimal comma is read as a point. An attribute that is missing has no values.
    """
    return [to_number(value) for value in _values(dataset, keyword)]


def read_integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first value of an attribute as an integer, or ``None`` where it has none."""
    numbers = read_numbers(dataset, keyword)
    return int(numbers[0]) if numbers and numbers[0] is not None else None


def read_texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute as text without blanks around them."""
    return [str(value).strip(BLANKS) for value in _values(dataset, keyword)]


def read_code(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an attribute in upper case; empty where it has none."""
    texts = read_texts(dataset, keyword)
    return texts[0].upper() if texts else ""


def has_decimal_comma(dataset: Dataset, keywords: Iterable[str]) -> bool:
    """Return whether a number of these attributes is written with a decimal comma."""
    return any(
        "," in str(value) and to_number(value) is not None
        for keyword in keywords
        for value in _values(dataset, keyword)
    )


def to_number(value: Any) -> float | None:
    """Return a number, or a text that is one; ``None`` for any other value. A unit behind it is ignored."""
    text = UNIT.sub("", str(value).strip(BLANKS)).replace(",", ".")
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def parse_values(value: bytes | memoryview, tag: int, vr: str, *, little: bool) -> list[Any]:
    """Return an element's values as strings or numbers, converted from its bytes without pydicom's checks.

    Args:
        value: the bytes; binary values that are not whole are left out.
        tag: of the attribute.
        vr: of the element; that of the dictionary is used where it is empty or UN.
        little: whether binary numbers are little endian.
    """
    vr = find_vr(tag, vr)
    if vr not in BINARY_VRS:
        text = bytes(value).decode("latin-1").strip(BLANKS)
        return text.split("\\") if text else []
    dtype = np.dtype(("<" if little else ">") + BINARY_VRS[vr])
    whole = len(value) // dtype.itemsize * dtype.itemsize
    return list(np.frombuffer(value[:whole], dtype=dtype).tolist())


def find_vr(tag: int, vr: str) -> str:
    """Return the VR of an element, or that of the dictionary where the element has none or UN."""
    return str(dictionary_VR(tag)) if vr in ("", "UN") else vr


def _values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values as strings or numbers, converted from the file's bytes without pydicom's checks."""
    tag = Tag(keyword)
    if tag not in dataset:
        return []
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement):
        return parse_values(element.value or b"", tag, element.VR or "", little=element.is_little_endian)
    value = element.value
    if value is None or value in ("", b""):
        return []
    if isinstance(value, bytes):
        return parse_values(value, tag, "US", little=True)
    return list(value) if isinstance(value, MultiValue | list) else [value]
