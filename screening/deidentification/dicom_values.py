"""What is kept of a value: numbers of the right kind and number, and codes of the standard."""

from __future__ import annotations

import re

from pydicom.datadict import dictionary_description, dictionary_VR

from screening.deidentification.dicom_attributes import Attribute
from screening.deidentification.dicom_file import Value, text
from screening.deidentification.dicom_walk import Element

# Longer than the 16 characters of PS3.5 6.2, as many writers give all digits there are, and rounding moves pixels.
NUMBER = {
    "DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *", re.ASCII),
    "IS": re.compile(r" *[+-]?\d+ *", re.ASCII),
}
LONGEST_NUMBER = 32  # characters
SIZES = {"US": 2, "SS": 2, "OW": 2}  # bytes of one value
SHORT_MOST = 0xFFFE  # bytes, where explicit VR has 16 bits for the length
STANDARD_ROOT = "1.2.840.10008."
DEEP_GROUPS = {0x50: "Curves", 0x60: "Overlays"}  # the upper byte of groups that come many times
GROUP_LENGTH = 0x0000


def kept_value(element: Element, attribute: Attribute, signed: bool) -> Value | None:
    """What is kept of an element's value; ``None`` where nothing may be.

    Args:
        element: as the file has it.
        attribute: what it may be.
        signed: pixels are, so that values of no VR that go with them are.
    """
    vr = _vr(element, attribute.vrs, signed)
    if vr in ("CS", "LO"):
        return _codes(element, attribute, vr)
    if vr in NUMBER:
        return _numbers(element, attribute, vr)
    if vr == "UI":
        uid = text(element)
        return Value(vr, uid.encode()) if uid.startswith(STANDARD_ROOT) and len(uid) <= 64 and _is_uid(uid) else None
    size = SIZES[vr]
    if not element.value or len(element.value) % size or len(element.value) > size * attribute.most:
        return None
    return Value("OW" if vr in SIZES and len(element.value) > SHORT_MOST else vr, element.value)


def is_whole(element: Element, kept: Value | None) -> bool:
    """Whether nothing but padding was lost."""
    if is_blank(element):
        return True
    return kept is not None and _unpadded(element.value) == _unpadded(kept.value)


def is_blank(element: Element) -> bool:
    """Whether an element says nothing."""
    return not element.value or (len(element.value) <= 1024 and not _unpadded(element.value))


def names(elements: list[Element]) -> set[str]:
    """Names of attributes by the standard's dictionary; what it does not know is counted, as a name may tell much."""
    found, private, unknown = set(), 0, 0
    for tag in (element.tag for element in elements):
        group = tag >> 16
        if tag & 0xFFFF == GROUP_LENGTH:
            continue
        if group % 2:
            private += 1
        elif group >> 8 in DEEP_GROUPS:
            found.add(DEEP_GROUPS[group >> 8])
        elif name := named(tag):
            found.add(name)
        else:
            unknown += 1
    found |= {f"Private attributes ({private})"} if private else set()
    return found | ({f"Attributes the standard does not know ({unknown})"} if unknown else set())


def named(tag: int) -> str:
    """Name and tag of a standard attribute; empty for any other."""
    try:
        name = dictionary_description(tag)  # empty for a few that the standard retired
    except KeyError:
        return ""
    return f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X})" if name else ""


def is_sequence(element: Element) -> bool:
    """Whether an element holds items, by its VR or, where it has none, by the dictionary."""
    if element.vr not in ("", "UN"):
        return element.vr == "SQ"
    try:
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:
        return False


def _vr(element: Element, allowed: tuple[str, ...], signed: bool) -> str:
    """The file's VR where it may be that, as it tells signed from unsigned."""
    if element.vr in allowed:
        return element.vr
    return "SS" if signed and "SS" in allowed else allowed[0]


def _codes(element: Element, attribute: Attribute, vr: str) -> Value | None:
    """The leading values that are terms of the standard, in its spelling."""
    kept: list[str] = []
    for part in text(element).upper().split("\\")[: attribute.most] if len(element.value) <= 1024 else []:
        if (code := part.strip(" \0")) not in attribute.terms:
            break
        kept.append(code)
    return Value(vr, "\\".join(kept).encode()) if kept else None


def _numbers(element: Element, attribute: Attribute, vr: str) -> Value | None:
    """The values as they are written, if all are numbers."""
    if len(element.value) > (LONGEST_NUMBER + 1) * attribute.most:
        return None
    parts = text(element).split("\\")
    if len(parts) > attribute.most or not all(NUMBER[vr].fullmatch(part) for part in parts):
        return None
    if any(len(part) > LONGEST_NUMBER for part in parts):
        return None
    return Value(vr, "\\".join(parts).encode())


def _is_uid(uid: str) -> bool:
    return all(part.isdigit() and part.isascii() for part in uid.split("."))


def _unpadded(value: bytes | memoryview) -> bytes:
    return bytes(value).strip(b" \0")
