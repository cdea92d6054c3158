"""Cleaning of DICOM values: only numbers of the right type and count, and codes of the standard, are kept."""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_description, dictionary_VR

from ml.decoding.pixel_attributes import find_photometric, read_number
from screening.deidentification.dicom_attributes import EXAMINATION_TERMS, PIXEL_NUMBERS, Attribute
from screening.deidentification.dicom_file import Value, text_of
from screening.deidentification.dicom_numbers import NUMBER_VRS, clean_numbers, keeps_numbers
from screening.deidentification.dicom_walk import Element, Encoding

SIZES = {"US": 2, "SS": 2, "OW": 2}  # bytes of one value
MAX_TEXT_BYTES = 1024  # of codes that are looked at
MAX_US = 0xFFFF
PHOTOMETRIC_INTERPRETATION = 0x00280004
MAX_SHORT_LENGTH = 0xFFFE  # bytes, where explicit VR has 16 bits for the length
LUT_DATA = 0x00283006
TABLE_DATA = frozenset({LUT_DATA})  # with US as their first VR
STANDARD_ROOT = "1.2.840.10008."
DEEP_GROUPS = {0x50: "Curves", 0x60: "Overlays"}  # the upper byte of groups that come many times
GROUP_LENGTH = 0x0000


def clean_value(
    element: Element, attribute: Attribute, signed: bool, encoding: Encoding
) -> tuple[Value | None, bool]:
    """Return an element's cleaned value, ``None`` where nothing of it is allowed; and True if nothing was removed.

    Args:
        element: the element of the file.
        attribute: its allowed values.
        signed: the pixels are signed, so values without a VR that refer to pixels are signed too.
        encoding: of the data set; numbers are written in the same byte order.
    """
    if attribute.vrs[0] in NUMBER_VRS and element.tag not in TABLE_DATA:
        numbers = clean_numbers(element, attribute, signed, encoding.order)
        return numbers, is_empty(element) or keeps_numbers(element, attribute, numbers, encoding.order)
    cleaned = _clean_other(element, attribute, signed)
    return cleaned, is_unchanged(element, cleaned)


def _clean_other(element: Element, attribute: Attribute, signed: bool) -> Value | None:
    """Return a code, a UID or the data of a table, cleaned."""
    if element.tag in EXAMINATION_TERMS:
        term = EXAMINATION_TERMS[element.tag](bytes(element.value[:MAX_TEXT_BYTES]))
        return Value("CS", term.encode()) if term else None
    if element.tag == PHOTOMETRIC_INTERPRETATION:
        term = find_photometric(text_of(element))
        return Value("CS", term.encode()) if term else None
    vr = _vr(element, attribute.vrs, signed)
    if vr in ("CS", "LO"):
        return _codes(element, attribute, vr)
    if vr == "UI":
        uid = text_of(element)
        return Value(vr, uid.encode()) if uid.startswith(STANDARD_ROOT) and len(uid) <= 64 and _is_uid(uid) else None
    size = SIZES[vr]
    if element.tag == LUT_DATA and len(element.value) % size:  # an odd number of 8-bit entries
        element = element._replace(value=memoryview(bytes(element.value) + b"\0"))
    if not element.value or len(element.value) % size or len(element.value) > size * attribute.max_values:
        return None
    return Value("OW" if vr in SIZES and len(element.value) > MAX_SHORT_LENGTH else vr, element.value)


def clean_pixel_number(element: Element, encoding: Encoding) -> Value | None:
    """Return a number that describes the pixels, in the value representation of the standard.

    Args:
        element: the element of the file.
        encoding: of the data set; the number is written in the same byte order.
    """
    keyword = PIXEL_NUMBERS[element.tag]
    number = read_number(keyword, element.vr, element.value, little=encoding.little)
    if keyword == "NumberOfFrames":
        return Value("IS", str(number).encode()) if number is not None and number >= 0 else None
    if number is None or not 0 <= number <= MAX_US:
        return None
    return Value("US", struct.pack(f"{encoding.order}H", number))


def is_unchanged(element: Element, cleaned: Value | None) -> bool:
    """Return whether the cleaned value is the original one, apart from padding."""
    if is_empty(element):
        return True
    return cleaned is not None and _unpadded(element.value) == _unpadded(cleaned.value)


def is_empty(element: Element) -> bool:
    """Return whether an element has no value, or only padding."""
    return not element.value or (len(element.value) <= 1024 and not _unpadded(element.value))


def attribute_names(elements: list[Element]) -> set[str]:
    """Return the names of attributes by the standard's dictionary. Others are only counted: a name may identify."""
    found, private, unknown = set(), 0, 0
    for tag in (element.tag for element in elements):
        group = tag >> 16
        if tag & 0xFFFF == GROUP_LENGTH:
            continue
        if group % 2:
            private += 1
        elif group >> 8 in DEEP_GROUPS:
            found.add(DEEP_GROUPS[group >> 8])
        elif name := attribute_name(tag):
            found.add(name)
        else:
            unknown += 1
    found |= {f"Private attributes ({private})"} if private else set()
    return found | ({f"Attributes the standard does not know ({unknown})"} if unknown else set())


def attribute_name(tag: int) -> str:
    """Return name and tag of a standard attribute; empty for any other."""
    try:
        name = dictionary_description(tag)  # empty for a few that the standard retired
    except KeyError:
        return ""
    return f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X})" if name else ""


def is_sequence(element: Element) -> bool:
    """Return whether an element holds items: by its VR or, where it has none, by the dictionary."""
    if element.vr not in ("", "UN"):
        return element.vr == "SQ"
    try:
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:
        return False


def _vr(element: Element, allowed: tuple[str, ...], signed: bool) -> str:
    """Return the file's VR where it is allowed, as it distinguishes signed from unsigned; else the default."""
    if element.vr in allowed:
        return element.vr
    return "SS" if signed and "SS" in allowed else allowed[0]


def _codes(element: Element, attribute: Attribute, vr: str) -> Value | None:
    """Return the leading values that are terms of the standard, in the standard's spelling."""
    cleaned: list[str] = []
    for part in text_of(element).upper().split("\\")[: attribute.max_values] if len(element.value) <= 1024 else []:
        if (code := part.strip(" \0")) not in attribute.terms:
            break
        cleaned.append(code)
    return Value(vr, "\\".join(cleaned).encode()) if cleaned else None


def _is_uid(uid: str) -> bool:
    return all(part.isdigit() and part.isascii() for part in uid.split("."))


def _unpadded(value: bytes | memoryview) -> bytes:
    return bytes(value).strip(b" \0")
