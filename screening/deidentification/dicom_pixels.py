"""Cleaning of Pixel Data: one frame without comments, offset tables and bytes after its end, by its own syntax."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from pydicom import uid
from pydicom.dataset import Dataset

from ml import codes
from ml.decoding.pixel_attributes import complete_header, find_photometric, native_size, read_number
from ml.decoding.pixel_data import ADVICE
from ml.decoding.pixel_element import (
    NATIVE_LABELS,
    PixelElement,
    PixelStream,
    encapsulate_frame,
    read_fragments,
    read_pixel_stream,
)
from ml.errors import FilmError
from screening.deidentification.cleaned import TRAILING_DATA
from screening.deidentification.dicom_attributes import PIXEL_NUMBERS
from screening.deidentification.dicom_file import DicomFile, Value, text_of
from screening.deidentification.dicom_values import PHOTOMETRIC_INTERPRETATION, attribute_name
from screening.deidentification.dicom_walk import PIXEL_DATA, Element
from screening.deidentification.encapsulated import clean_fragments, clean_frame

COMMENTS = "comments in the compressed pixels"
OFFSET_TABLE = "Basic Offset Table"
EXTENDED_OFFSETS, EXTENDED_LENGTHS, TOTAL_LENGTH = 0x7FE00001, 0x7FE00002, 0x7FE00003
FRAME_TABLES = (EXTENDED_OFFSETS, EXTENDED_LENGTHS, TOTAL_LENGTH)
ZERO_OFFSET = bytes(4)  # the whole Basic Offset Table of one frame, where there is one


class CleanedPixels(NamedTuple):
    """Cleaned pixels.

    Attributes:
        value: of Pixel Data.
        syntax: transfer syntax UID of the cleaned file.
        removed: names of what was removed.
        tables: values of those of ``FRAME_TABLES`` that are right and kept.
    """

    value: Value
    syntax: str
    removed: frozenset[str]
    tables: Mapping[int, Value]


def clean_pixels(film: DicomFile) -> CleanedPixels | None:
    """Clean Pixel Data; ``None`` where the file has none.

    Raises:
        FilmError: ``unsupported_compression``.
    """
    pixels = film.elements.get(PIXEL_DATA)
    if pixels is None:
        return None
    numbers, photometric = _pixel_numbers(film)
    if numbers.get("NumberOfFrames", 1) > 1:
        return _clean_frames(pixels, film)
    element = PixelElement(pixels.vr, pixels.value, None if pixels.open_ended else len(pixels.value))
    stream = read_pixel_stream(element, film.syntax, native_size(numbers, photometric))
    if stream.unread:
        raise FilmError(codes.UNSUPPORTED_COMPRESSION, kind="DICOM", name=stream.unread, advice=ADVICE)
    if stream.encoded is None:
        return _clean_native(pixels, stream, film)
    return _clean_encoded(pixels, stream, film, numbers.get("Rows", 0) * numbers.get("Columns", 0))


def _pixel_numbers(film: DicomFile) -> tuple[dict[str, int], str]:
    """Return the numbers that describe the pixels, and the Photometric Interpretation."""
    numbers: dict[str, int] = {}
    for tag, keyword in PIXEL_NUMBERS.items():
        if element := film.elements.get(tag):
            number = read_number(keyword, element.vr, element.value, little=film.source_encoding.little)
            numbers |= {keyword: number} if number else {}
    return numbers, find_photometric(text_of(film.elements.get(PHOTOMETRIC_INTERPRETATION)))


def _clean_frames(pixels: Element, film: DicomFile) -> CleanedPixels:
    """Clean the pixels of several frames, which are no film: only comments are removed."""
    tables = {tag: Value("OV", film.elements[tag].value) for tag in FRAME_TABLES if tag in film.elements}
    value, is_commented = clean_fragments(pixels.value) if pixels.open_ended else (pixels.value, False)
    removed = frozenset({COMMENTS} if is_commented else ())
    return CleanedPixels(Value(pixels.vr or "OW", value, pixels.open_ended), film.syntax, removed, tables)


def _clean_native(pixels: Element, stream: PixelStream, film: DicomFile) -> CleanedPixels:
    """Return uncompressed pixels without what follows the last one."""
    size = _decoded_size(film, len(stream.data))
    data = stream.data[:size] if size and len(stream.data) > size + size % 2 else stream.data
    removed = frozenset({TRAILING_DATA} if any(stream.data[len(data) :]) else ()) | _lost_tables(film, {})
    if film.syntax in NATIVE_LABELS:
        syntax = film.syntax
    elif not film.source_encoding.little:
        syntax = str(uid.ExplicitVRBigEndian)
    else:
        syntax = str(uid.ImplicitVRLittleEndian if film.source_encoding.implicit else uid.ExplicitVRLittleEndian)
    vr = pixels.vr if pixels.vr in ("OB", "OW") else "OW"
    return CleanedPixels(Value(vr, data), syntax, removed, {})


def _decoded_size(film: DicomFile, length: int) -> int:
    """Return the bytes that decoding reads of uncompressed pixels; 0 where that is not known."""
    numbers, photometric = _pixel_numbers(film)
    dataset = Dataset()
    for keyword, number in numbers.items():
        dataset.add_new(keyword, "IS" if keyword == "NumberOfFrames" else "US", number)
    dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = photometric or "MONOCHROME2"
    try:
        complete_header(dataset, length, None)
    except FilmError:
        return 0
    completed = {keyword: int(dataset[keyword].value) for keyword in PIXEL_NUMBERS.values() if keyword in dataset}
    return native_size(completed, str(dataset.PhotometricInterpretation))


def _clean_encoded(pixels: Element, stream: PixelStream, film: DicomFile, plane_bytes: int) -> CleanedPixels:
    """Return a compressed frame as one fragment, cleaned, with the offset tables that are right."""
    frame, is_commented, is_cut = clean_frame(stream.data, plane_bytes)
    parts = read_fragments(pixels.value) if stream.fragments else []
    first = bytes(parts[0]) if len(parts) > 1 else b""
    removed = {COMMENTS} if is_commented else set()
    removed |= {TRAILING_DATA} if is_cut else set()
    removed |= {OFFSET_TABLE} if first.strip(b"\0") else set()
    tables = _right_tables(film, len(frame))
    removed |= _lost_tables(film, tables)
    table = ZERO_OFFSET if first == ZERO_OFFSET else b""
    syntax = film.syntax
    if stream.encoded is not None and film.source_encoding.little:  # numbers of big endian are not rewritten
        syntax = stream.encoded.syntax
    is_same = not (is_commented or is_cut) and len(stream.data) - len(frame) <= 1  # apart from padding
    if is_same and len(parts) == 2 and first == table and _is_tight(pixels.value, parts):
        value: bytes | memoryview = pixels.value
    else:
        value = encapsulate_frame(frame, table)
    return CleanedPixels(Value("OB", value, open_ended=True), syntax, frozenset(removed), tables)


def _is_tight(value: memoryview, parts: list[memoryview]) -> bool:
    """Return whether a value ends with its last fragment, of an even length."""
    length = sum(len(part) for part in parts)
    return length % 2 == 0 and len(value) == length + 8 * len(parts)


def _right_tables(film: DicomFile, length: int) -> dict[int, Value]:
    """Return the extended offset tables that fit one frame of this length."""
    right = {
        EXTENDED_OFFSETS: Value("OV", struct.pack("<Q", 0)),
        EXTENDED_LENGTHS: Value("OV", struct.pack("<Q", length)),
        TOTAL_LENGTH: Value("UV", struct.pack("<Q", length)),
    }
    found = {tag: value for tag, value in right.items() if tag in film.elements}
    return {tag: value for tag, value in found.items() if bytes(film.elements[tag].value) == value.value}


def _lost_tables(film: DicomFile, kept: Mapping[int, Value]) -> frozenset[str]:
    return frozenset(attribute_name(tag) for tag in FRAME_TABLES if tag in film.elements and tag not in kept)
