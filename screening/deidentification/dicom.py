"""DICOM: an allow-list of attributes, after the Basic Application Level Confidentiality Profile (PS3.15 annex E).

The profile lists what to take out; this keeps only what decodes and shows the pixels or is read by the screening,
and so leaves less. Where it differs: UIDs of the patient's objects are replaced, as the profile's U says, but Patient
ID becomes a pseudonym instead of being emptied, so that a patient's films stay together; attributes that the profile
empties (Z) are left out; private attributes, overlays and curves go without exception; the pixels are not looked at.
"""

from __future__ import annotations

import hashlib
import struct

from pydicom import uid
from pydicom.charset import convert_encodings, decode_bytes

from ml.decoding.bounded_reader import suppress_parser_warnings
from screening.deidentification import dicom_attributes as attributes
from screening.deidentification import pseudonyms
from screening.deidentification.cleaned import Cleaned
from screening.deidentification.cleaned import names as in_order
from screening.deidentification.dicom_attributes import (
    BULK,
    CHARACTER_SET,
    INSTANCE,
    KEPT,
    LOOKUP_TABLE,
    REPLACED,
    STUDY,
)
from screening.deidentification.dicom_file import (
    TRANSFER_SYNTAX,
    DicomFile,
    Value,
    encode,
    read,
    text,
    write,
)
from screening.deidentification.dicom_values import is_blank, is_sequence, is_whole, kept_value, named, names
from screening.deidentification.dicom_walk import ITEM, PIXEL_DATA, Element, Walker
from screening.deidentification.encapsulated import without_comments

PIXEL_REPRESENTATION, SOP_CLASS = 0x00280103, 0x00080016
META_LENGTH, META_VERSION, META_CLASS, META_INSTANCE, IMPLEMENTATION, IMPLEMENTATION_NAME = (
    0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020012, 0x00020013,
)  # fmt: skip
OURS = "2.25.125359151730342062426371770017627938745"  # this software, by a random UUID
OUR_NAME = "CXR_SCREENING"
MOST_ITEMS = 16  # of a sequence of lookup tables
NAMING = (attributes.PATIENT_ID, attributes.PATIENT_ISSUER, attributes.PATIENT_NAME, attributes.BIRTH_DATE)
DELIMITERS = {ord("^"), ord("=")}  # in names, at which character sets start anew (PS3.5 6.1.2.5.3)
MOST_NAME = 1024  # bytes of a value that a pseudonym is made from


def clean(data: bytes, key: bytes, max_pixels: int) -> Cleaned:
    """Clean a DICOM file; see :func:`screening.deidentification.clean`."""
    film = read(data, max_pixels)
    signed = text(film.elements.get(PIXEL_REPRESENTATION)) == "\x01"
    values: dict[int, Value] = {}
    lost: list[Element] = []
    for tag, element in film.elements.items():
        kept, whole = _kept(element, film, signed)
        values |= {tag: kept} if kept is not None else {}
        lost += [] if whole else [element]
    removed = names(lost) | _removed_around(film)
    if pixels := values.get(PIXEL_DATA):
        values[PIXEL_DATA], found = _pixels(pixels, film.syntax)
        removed |= found
    patient = _patient(film, key)
    replaced = _replace(values, film, key, patient)
    values |= {tag: Value(vr, value) for tag, (vr, value) in attributes.WRITTEN.items()}
    new = write(_meta(film, values), values, film.syntax)
    study = bytes(values[STUDY].value).decode() if STUDY in values else ""
    return Cleaned(new, in_order(removed), in_order(replaced), patient, study)


def _kept(element: Element, film: DicomFile, signed: bool) -> tuple[Value | None, bool]:
    """What is kept of an element, and whether that is all it said."""
    if element.tag in attributes.WRITTEN:
        ours = attributes.WRITTEN[element.tag][1].decode()
        return None, is_blank(element) or text(element) == ours
    if element.tag in REPLACED or element.tag == CHARACTER_SET:  # what is kept is plain ASCII
        return None, True
    if element.tag not in KEPT:
        return None, is_blank(element)
    if element.tag in BULK:
        allowed = BULK[element.tag].vrs
        return Value(element.vr if element.vr in allowed else allowed[0], element.value, element.open_ended), True
    if KEPT[element.tag].vrs == ("SQ",):
        return _tables(element, film, signed)
    kept = kept_value(element, KEPT[element.tag], signed)
    return kept, is_whole(element, kept)


def _tables(element: Element, film: DicomFile, signed: bool) -> tuple[Value | None, bool]:
    """A sequence of lookup tables, its items cleaned by an allow-list of their own."""
    if not is_sequence(element):
        return None, is_blank(element)
    items: list[bytes | memoryview] = []
    whole = True
    for item in Walker(element.value, 0, film.found).items(MOST_ITEMS):
        values: dict[int, Value] = {}
        for inner in Walker(item, 0, film.found).elements():
            kept = kept_value(inner, LOOKUP_TABLE[inner.tag], signed) if inner.tag in LOOKUP_TABLE else None
            whole = whole and is_whole(inner, kept)
            values |= {inner.tag: kept} if kept is not None else {}
        pieces = encode(values, film.encoding)
        length = sum(len(piece) for piece in pieces)
        items += [struct.pack(f"{film.encoding.order}HHI", ITEM >> 16, ITEM & 0xFFFF, length), *pieces]
    return Value("SQ", b"".join(items)) if items else None, whole


def _pixels(pixels: Value, syntax: str) -> tuple[Value, set[str]]:
    if not pixels.open_ended:
        return pixels, set()
    value, blanked = without_comments(memoryview(pixels.value), syntax)
    return pixels._replace(value=value), {"comments in the compressed pixels"} if blanked else set()


def _removed_around(film: DicomFile) -> set[str]:
    """What was removed from before the data set."""
    removed = {"DICOM preamble"} if film.preamble.strip(b"\0") else set()
    ours = {IMPLEMENTATION: OURS, IMPLEMENTATION_NAME: OUR_NAME}
    replaced = (META_LENGTH, META_VERSION, META_CLASS, META_INSTANCE, TRANSFER_SYNTAX)
    lost = [
        element
        for tag, element in film.meta.items()
        if tag not in replaced and not is_blank(element) and text(element) != ours.get(tag)
    ]
    return removed | names(lost)


def _patient(film: DicomFile, key: bytes) -> str:
    """The patient's pseudonym, by what the file says of them in whatever script."""
    said = [film.elements.get(tag) for tag in NAMING]
    with suppress_parser_warnings():  # pydicom warns of character sets that are unknown or do not fit
        try:
            coding = convert_encodings(text(film.elements.get(CHARACTER_SET)).split("\\"))
        except (LookupError, ValueError):
            coding = ["latin-1"]
        known = [decode_bytes(bytes(one.value[:MOST_NAME]), coding, DELIMITERS) if one else "" for one in said]
    return pseudonyms.patient(key, *known)


def _replace(values: dict[int, Value], film: DicomFile, key: bytes, patient: str) -> set[str]:
    """Put the pseudonyms in; returns the names of what they replace."""
    replaced: set[str] = set()
    for tag, vr in REPLACED.items():
        said = text(film.elements.get(tag)) or (text(film.meta.get(META_INSTANCE)) if tag == INSTANCE else "")
        pseudonym = patient if tag == attributes.PATIENT_ID else pseudonyms.uid(key, said) if said else ""
        if said:
            replaced.add(named(tag))
        if pseudonym:
            values[tag] = Value(vr, pseudonym.encode())
    if INSTANCE not in values:  # a file must have one (PS3.10 7.1): by what else it holds
        content = hashlib.sha256(b"".join(bytes(element.value) for element in film.elements.values())).hexdigest()
        values[INSTANCE] = Value("UI", pseudonyms.uid(key, content).encode())
    return replaced


def _meta(film: DicomFile, values: dict[int, Value]) -> dict[int, Value]:
    """File meta information with nothing of where the file has been (PS3.10 7.1)."""
    if SOP_CLASS not in values:  # of no standard class: what the standard has for pictures of unknown origin
        values[SOP_CLASS] = Value("UI", str(uid.SecondaryCaptureImageStorage).encode())
    return {
        META_VERSION: Value("OB", b"\0\1"),
        META_CLASS: values[SOP_CLASS],
        META_INSTANCE: values[INSTANCE],
        TRANSFER_SYNTAX: Value("UI", film.syntax.encode()),
        IMPLEMENTATION: Value("UI", OURS.encode()),
        IMPLEMENTATION_NAME: Value("SH", OUR_NAME.encode()),
    }
