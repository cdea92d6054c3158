"""Cleaning of numbers in a DICOM header: read as the decoder reads them, written as the standard wants them.

Vendors write numbers in other value representations (VR) than the standard's. The decoder reads them all. So each
number that it reads is kept, in the VR of the standard, and the cleaned film looks like the original.
"""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction
from typing import Any

from ml.decoding.header_numbers import BINARY_VRS, BLANKS, UNIT, find_vr, parse_values, to_number
from screening.deidentification.dicom_attributes import Attribute
from screening.deidentification.dicom_file import Value
from screening.deidentification.dicom_walk import Element

# A decimal comma is kept, so that the note on it is kept.
NUMBER = {
    "DS": re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII),
    "IS": re.compile(r"[+-]?\d+", re.ASCII),
}
MAX_CHARACTERS = {"DS": 16, "IS": 12}  # PS3.5 6.2; digits beyond could hold an identifier
MAX_READ_CHARACTERS = 64  # of a value; of a longer text the beginning is read
# In the order in which they are tried; the standard has the first two, films of 32 bits need the others.
INTEGERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i"}
FLOATS = {"FL": "f", "FD": "d"}
NUMBER_VRS = frozenset({*NUMBER, *INTEGERS, *FLOATS})
WORDS_WITHOUT_SIGN = ("", "UN", "OW")  # VRs that do not say whether a word has a sign
PRINTABLE = re.compile(rb"[ -~]+")  # text in the place of a floating-point number, such as a name
PIXEL_ASPECT_RATIO = 0x00280034
DESCRIPTORS = frozenset({0x00283002, 0x00281101, 0x00281102, 0x00281103})  # of lookup tables
MAX_DENOMINATOR = 10**6
MAX_WORD = 0xFFFF

Numbers = list[float | None]


def clean_numbers(element: Element, attribute: Attribute, signed: bool, order: str) -> Value | None:
    """Return the numbers of an element in the VR of the standard; ``None`` where the decoder finds no number in it.

    Args:
        element: the element of the file.
        attribute: its allowed values.
        signed: the pixels are signed, so values without a VR that refer to pixels are signed too.
        order: the character of ``struct`` for the byte order.
    """
    values = _read_values(element, attribute, order)
    numbers = [to_number(value) for value in values]
    vr = attribute.vrs[0]
    if element.tag == PIXEL_ASPECT_RATIO:
        texts = [_clean_text(str(value), "DS") for value in values]
        has_comma = any("," in text for text in texts)  # written as it is, for the note on it
        return Value("IS", "\\".join(texts).encode()) if has_comma else _clean_ratio(numbers)
    if vr in NUMBER:
        texts = [_clean_text(str(value), vr) for value in values]
        return Value(vr, "\\".join(texts).encode()) if any(texts) else None
    known = _leading_numbers(numbers)
    if not known:
        return None
    if vr in FLOATS:
        packed = _pack_floats(known, vr, order)
        return None if PRINTABLE.fullmatch(packed.value) else packed
    return _pack_integers(element, attribute, [int(number) for number in known], signed, order)


def keeps_numbers(element: Element, attribute: Attribute, cleaned: Value | None, order: str) -> bool:
    """Return whether a cleaned value has all numbers of the original one, and the original had nothing else."""
    if cleaned is None:
        return False
    values = _read_values(element, attribute, order, more=1)
    before = [to_number(value) for value in values]
    after = [to_number(value) for value in parse_values(cleaned.value, element.tag, cleaned.vr, little=order == "<")]
    is_short = all(len(str(value).strip(BLANKS)) <= MAX_CHARACTERS["DS"] for value in values)
    if not is_short and find_vr(element.tag, element.vr) not in BINARY_VRS:
        return False
    if None in before or None in after or len(before) != len(after):
        return False
    if element.tag in DESCRIPTORS:
        return [int(number or 0) & MAX_WORD for number in before] == [int(number or 0) & MAX_WORD for number in after]
    if element.tag == PIXEL_ASPECT_RATIO and len(before) > 1:
        return math.isclose((before[0] or 0) * (after[1] or 0), (before[1] or 0) * (after[0] or 0))
    pairs = [(old or 0, new or 0) for old, new in zip(before, after, strict=True)]
    return all(math.isclose(old, new) or (old - new) % (MAX_WORD + 1) == 0 for old, new in pairs)


def _read_values(element: Element, attribute: Attribute, order: str, more: int = 0) -> list[Any]:
    """Return as many values as the attribute may have, and ``more``; a hostile text is not read to its end."""
    count = attribute.max_values + more
    value = element.value
    if find_vr(element.tag, element.vr) not in BINARY_VRS:
        longest = (MAX_READ_CHARACTERS + 1) * count
        value = value[:longest]
        values = parse_values(value, element.tag, element.vr, little=order == "<")
        return values[: min(count, len(values) - 1)] if len(element.value) > longest else values[:count]
    return parse_values(value[: 8 * count], element.tag, element.vr, little=order == "<")[:count]


def _clean_text(text: str, vr: str) -> str:
    """Return a number in the characters of a VR, as it is written where that fits; empty for no number."""
    number = to_number(text)
    if number is None:
        return ""
    plain = UNIT.sub("", text.strip(BLANKS))
    if NUMBER[vr].fullmatch(plain) and len(plain) <= MAX_CHARACTERS[vr]:
        return _write_number(number) if plain == repr(number) else plain
    return _write_number(number).replace(".", "," if "," in plain else ".")


def _write_number(number: float) -> str:
    """Return a number in the characters of DS, with as many digits as fit."""
    digits = (repr(number), *(f"{number:.{places}g}" for places in range(16, 0, -1)))
    return next(short for short in digits if len(short) <= MAX_CHARACTERS["DS"])


def _clean_ratio(numbers: Numbers) -> Value | None:
    """Return a pixel's height and width as two integers of the same ratio: IS has no decimals."""
    height, width, *_ = (*numbers, None, None)
    if height is None or width is None or height <= 0 or width <= 0:
        return None
    integers = [int(height), int(width)]
    if integers != [height, width] or max(len(str(number)) for number in integers) > MAX_CHARACTERS["IS"]:
        limit = float(MAX_DENOMINATOR)
        ratio = Fraction(min(max(height / width, 1 / limit), limit)).limit_denominator(MAX_DENOMINATOR)
        integers = [ratio.numerator, ratio.denominator]
    return Value("IS", "\\".join(str(number) for number in integers).encode())


def _leading_numbers(numbers: Numbers) -> list[float]:
    known: list[float] = []
    for number in numbers:
        if number is None:
            break
        known.append(number)
    return known


def _pack_floats(numbers: list[float], vr: str, order: str) -> Value:
    """Return floating-point numbers; in 64 bits where 32 would change them."""
    try:
        packed = struct.pack(f"{order}{len(numbers)}{FLOATS[vr]}", *numbers)
        is_exact = list(struct.unpack(f"{order}{len(numbers)}{FLOATS[vr]}", packed)) == numbers
    except OverflowError:
        is_exact = False
    return Value(vr, packed) if is_exact else Value("FD", struct.pack(f"{order}{len(numbers)}d", *numbers))


def _pack_integers(
    element: Element, attribute: Attribute, integers: list[int], signed: bool, order: str
) -> Value | None:
    """Return integers in the first VR that holds them all, if possible in that of the file."""
    default = "SS" if "SS" in attribute.vrs and (signed or "US" not in attribute.vrs) else attribute.vrs[0]
    vr = element.vr if element.vr in attribute.vrs else default
    if element.tag in DESCRIPTORS:  # the decoder reads their 16 bits, with or without sign
        vr = vr if element.vr in (*attribute.vrs, *WORDS_WITHOUT_SIGN) else "US"
        return Value(vr, struct.pack(f"{order}{len(integers)}H", *(number & MAX_WORD for number in integers)))
    if vr == "SS" and element.vr in WORDS_WITHOUT_SIGN:
        return Value(vr, struct.pack(f"{order}{len(integers)}H", *(number & MAX_WORD for number in integers)))
    for name in (vr if element.vr in attribute.vrs else "US", *INTEGERS):
        try:
            return Value(name, struct.pack(f"{order}{len(integers)}{INTEGERS[name]}", *integers))
        except struct.error:
            continue
    return None
