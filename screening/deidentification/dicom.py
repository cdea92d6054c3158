"""Cleaning of DICOM files by an allow-list, after the Basic Application Confidentiality Profile (PS3.15 annex E).

The profile lists the attributes to remove. This module keeps only those that decode or display the pixels or that the
screening reads, so it removes more. Differences: UIDs of the patient's objects are replaced, as action U of the
profile demands, but Patient ID is replaced by a pseudonym instead of being emptied, so that a patient's films stay
together; attributes that the profile empties (action Z) are removed; all private attributes, overlays and curves are
removed; the pixels are not examined.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

from pydicom import uid
from pydicom.charset import convert_encodings, decode_bytes

from ml.decoding.bounded_reader import suppress_parser_warnings
from ml.decoding.pixel_attributes import find_photometric
from ml.decoding.pixel_element import ENCAPSULATED_NATIVE
from ml.note_codes import COMPRESSION_CORRECTED
from screening.deidentification import dicom_attributes as attributes
from screening.deidentification import pseudonyms
from screening.deidentification.cleaned import CleanedFile, sorted_names
from screening.deidentification.dicom_attributes import (
    ALLOWED_TAGS,
    BULK_TAGS,
    CHARACTER_SET,
    INSTANCE,
    LOOKUP_TABLE_TAGS,
    MAX_TABLE_ENTRIES,
    PALETTE_TAGS,
    PIXEL_NUMBERS,
    PSEUDONYMISED_TAGS,
    STUDY,
)
from screening.deidentification.dicom_file import (
    TRANSFER_SYNTAX,
    DicomFile,
    Value,
    encode_elements,
    read_file,
    text_of,
    write_file,
)
from screening.deidentification.dicom_pixels import FRAME_TABLES, clean_pixels
from screening.deidentification.dicom_values import (
    PHOTOMETRIC_INTERPRETATION,
    attribute_name,
    attribute_names,
    clean_pixel_number,
    clean_value,
    is_empty,
    is_sequence,
)
from screening.deidentification.dicom_walk import ITEM, PIXEL_DATA, Element, Walker

PIXEL_REPRESENTATION, SOP_CLASS = 0x00280103, 0x00080016
META_LENGTH, META_VERSION, META_CLASS, META_INSTANCE, META_IMPLEMENTATION, META_IMPLEMENTATION_NAME = (
    0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020012, 0x00020013,
)  # fmt: skip
IMPLEMENTATION_UID = "2.25.125359151730342062426371770017627938745"  # this software, by a random UUID
IMPLEMENTATION_NAME = "CXR_SCREENING"
LUT_DESCRIPTOR, LUT_DATA = 0x00283002, 0x00283006
PALETTE = "PALETTE COLOR"
PALETTE_TABLES = {0x00281101 + colour: 0x00281201 + colour for colour in range(3)}  # descriptor and data
MAX_NUMBER_BYTES = 16  # of a number that describes the pixels; longer values hold more than the number
MAX_ITEMS = 16  # of a sequence of lookup tables
PATIENT_TAGS = (attributes.PATIENT_ID, attributes.PATIENT_ISSUER, attributes.PATIENT_NAME, attributes.BIRTH_DATE)
NAME_DELIMITERS = {ord("^"), ord("=")}  # the character set is reset after these (PS3.5 6.1.2.5.3)
MAX_NAME_BYTES = 1024  # of a value that a pseudonym is derived from


def clean_file(data: bytes, key: bytes, max_pixels: int) -> CleanedFile:
    """Clean a DICOM file; see :func:`screening.deidentification.clean_file`."""
    film = read_file(data, max_pixels)
    label, pixels = film.syntax, clean_pixels(film)
    film = replace(film, syntax=pixels.syntax) if pixels else film
    signed = text_of(film.elements.get(PIXEL_REPRESENTATION)) == "\x01"
    values: dict[int, Value] = {}
    lost: list[Element] = []
    for tag, element in film.elements.items():
        if tag == PIXEL_DATA or tag in FRAME_TABLES:
            continue
        cleaned, unchanged = _clean_element(element, film, signed)
        values |= {tag: cleaned} if cleaned is not None else {}
        lost += [] if unchanged else [element]
    removed = attribute_names(lost) | _removed_before_data_set(film) | _trim_palettes(values, film)
    if pixels is not None:
        values |= {PIXEL_DATA: pixels.value, **pixels.tables}
        removed |= pixels.removed
    patient = _patient_pseudonym(film, key)
    replaced = _insert_pseudonyms(values, film, key, patient)
    values |= {tag: Value(vr, value) for tag, (vr, value) in attributes.ADDED_VALUES.items()}
    new = write_file(_file_meta(film, values), values, film.syntax)
    study = bytes(values[STUDY].value).decode() if STUDY in values else ""
    notes = (COMPRESSION_CORRECTED,) if film.syntax != label != ENCAPSULATED_NATIVE else ()
    return CleanedFile(new, sorted_names(removed), sorted_names(replaced), patient, study, notes)


def _clean_element(element: Element, film: DicomFile, signed: bool) -> tuple[Value | None, bool]:
    """Return the cleaned value, and True if nothing was removed from it."""
    if element.tag in attributes.ADDED_VALUES:
        added = attributes.ADDED_VALUES[element.tag][1].decode()
        return None, is_empty(element) or text_of(element) == added
    if element.tag in PSEUDONYMISED_TAGS or element.tag == CHARACTER_SET:  # the cleaned file is plain ASCII
        return None, True
    if element.tag not in ALLOWED_TAGS:
        return None, is_empty(element)
    if (
        element.tag in PALETTE_TAGS
        and find_photometric(text_of(film.elements.get(PHOTOMETRIC_INTERPRETATION))) != PALETTE
    ):  # a palette that the picture does not use
        return None, is_empty(element)
    if element.tag in PIXEL_NUMBERS:
        number = clean_pixel_number(element, film.source_encoding)
        return number, is_empty(element) or (number is not None and len(element.value) <= MAX_NUMBER_BYTES)
    if element.tag in BULK_TAGS:
        allowed = BULK_TAGS[element.tag].vrs
        return Value(element.vr if element.vr in allowed else allowed[0], element.value, element.open_ended), True
    if ALLOWED_TAGS[element.tag].vrs == ("SQ",):
        return _clean_tables(element, film, signed)
    return clean_value(element, ALLOWED_TAGS[element.tag], signed, film.source_encoding)


def _clean_tables(element: Element, film: DicomFile, signed: bool) -> tuple[Value | None, bool]:
    """Clean the items of a sequence of lookup tables by their own allow-list; returns as :func:`_clean_element`."""
    if not is_sequence(element):
        return None, is_empty(element)
    items: list[bytes | memoryview] = []
    unchanged = True
    for item in Walker(element.value, 0, film.source_encoding).items(MAX_ITEMS):
        values: dict[int, Value] = {}
        for inner in Walker(item, 0, film.source_encoding).elements():
            cleaned, is_kept = None, is_empty(inner)
            if inner.tag in LOOKUP_TABLE_TAGS:
                cleaned, is_kept = clean_value(inner, LOOKUP_TABLE_TAGS[inner.tag], signed, film.source_encoding)
            unchanged = unchanged and is_kept
            values |= {inner.tag: cleaned} if cleaned is not None else {}
        is_longer = _trim_table(values, LUT_DESCRIPTOR, LUT_DATA, film.source_encoding.order)
        unchanged = unchanged and not is_longer
        pieces = encode_elements(values, film.output_encoding)
        length = sum(len(piece) for piece in pieces)
        items += [struct.pack(f"{film.output_encoding.order}HHI", ITEM >> 16, ITEM & 0xFFFF, length), *pieces]
    return Value("SQ", b"".join(items)) if items else None, unchanged


def _trim_table(values: dict[int, Value], descriptor: int, table: int, order: str) -> bool:
    """Cut a lookup table off behind the entries that its descriptor declares, and return whether it was longer."""
    if descriptor not in values or table not in values or len(values[descriptor].value) < 2:
        return False
    entries = struct.unpack_from(f"{order}H", values[descriptor].value)[0] or MAX_TABLE_ENTRIES
    value = values[table]
    values[table] = value._replace(value=value.value[: 2 * entries])
    return len(value.value) > 2 * entries and any(value.value[2 * entries :])


def _trim_palettes(values: dict[int, Value], film: DicomFile) -> set[str]:
    order = film.source_encoding.order
    return {
        attribute_name(table)
        for descriptor, table in PALETTE_TABLES.items()
        if _trim_table(values, descriptor, table, order)
    }


def _removed_before_data_set(film: DicomFile) -> set[str]:
    """Return the names of what was removed from the preamble and the file meta information."""
    removed = {"DICOM preamble"} if film.preamble.strip(b"\0") else set()
    added = {META_IMPLEMENTATION: IMPLEMENTATION_UID, META_IMPLEMENTATION_NAME: IMPLEMENTATION_NAME}
    replaced = (META_LENGTH, META_VERSION, META_CLASS, META_INSTANCE, TRANSFER_SYNTAX)
    lost = [
        element
        for tag, element in film.meta.items()
        if tag not in replaced and not is_empty(element) and text_of(element) != added.get(tag)
    ]
    return removed | attribute_names(lost)


def _patient_pseudonym(film: DicomFile, key: bytes) -> str:
    """Return the patient's pseudonym, derived from the decoded values of ``PATIENT_TAGS``."""
    elements = [film.elements.get(tag) for tag in PATIENT_TAGS]
    with suppress_parser_warnings():  # pydicom warns of character sets that are unknown or do not fit
        try:
            coding = convert_encodings(text_of(film.elements.get(CHARACTER_SET)).split("\\"))
        except (LookupError, ValueError):
            coding = ["latin-1"]
        values = [
            decode_bytes(bytes(element.value[:MAX_NAME_BYTES]), coding, NAME_DELIMITERS) if element else ""
            for element in elements
        ]
    return pseudonyms.patient_pseudonym(key, *values)


def _insert_pseudonyms(values: dict[int, Value], film: DicomFile, key: bytes, patient: str) -> set[str]:
    """Insert the pseudonyms into ``values``, and return the names of the attributes that they replace."""
    replaced: set[str] = set()
    for tag, vr in PSEUDONYMISED_TAGS.items():
        original = text_of(film.elements.get(tag))
        if not original and tag == INSTANCE:
            original = text_of(film.meta.get(META_INSTANCE))
        pseudonym = (
            patient if tag == attributes.PATIENT_ID else pseudonyms.uid_pseudonym(key, original) if original else ""
        )
        if original:
            replaced.add(attribute_name(tag))
        if pseudonym:
            values[tag] = Value(vr, pseudonym.encode())
    if INSTANCE not in values:  # a file must have one (PS3.10 7.1): derived from its other content
        content = hashlib.sha256(b"".join(bytes(element.value) for element in film.elements.values())).hexdigest()
        values[INSTANCE] = Value("UI", pseudonyms.uid_pseudonym(key, content).encode())
    return replaced


def _file_meta(film: DicomFile, values: dict[int, Value]) -> dict[int, Value]:
    """Return new file meta information (PS3.10 7.1), without names of the programs that handled the file."""
    if SOP_CLASS not in values:  # no standard class: the standard's class for pictures of unknown origin
        values[SOP_CLASS] = Value("UI", str(uid.SecondaryCaptureImageStorage).encode())
    return {
        META_VERSION: Value("OB", b"\0\1"),
        META_CLASS: values[SOP_CLASS],
        META_INSTANCE: values[INSTANCE],
        TRANSFER_SYNTAX: Value("UI", film.syntax.encode()),
        META_IMPLEMENTATION: Value("UI", IMPLEMENTATION_UID.encode()),
        META_IMPLEMENTATION_NAME: Value("SH", IMPLEMENTATION_NAME.encode()),
    }
