"""Cleaning of JPEG files (ITU-T T.81): only the segments that decode the picture are kept, in order and unchanged."""

from __future__ import annotations

from typing import Any

from ml.decoding.further_pictures import count_pictures
from ml.decoding.jpeg_segments import (
    ADOBE,
    ADOBE_SIZE,
    BROKEN_SEGMENT,
    COMMENT,
    END,
    EXIF,
    JFIF,
    SCAN,
    START,
    WITHOUT_LENGTH,
    Segment,
    add_metadata,
    iter_segments,
    read_jpeg_frame,
)
from ml.note_codes import PREVIEWS_LEFT_OUT
from screening.deidentification import exif
from screening.deidentification.cleaned import (
    TRAILING_DATA,
    ByteCopier,
    CleanedFile,
    damaged,
    limit_parts,
    sorted_names,
)
from screening.deidentification.jpeg_tables import keep_used_tables

# Frame headers, tables (DHT, DAC, DQT), restart interval, number of lines, scans; C8 is reserved.
DECODING = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8}

JFIF_SIZE = 14  # bytes that decoders read; the thumbnail and other data behind them are dropped
UNUSED_TABLES = "JPEG tables that are not used"
SEGMENT_NAMES = (
    (0xE0, b"", "JPEG thumbnail"),
    (0xE1, b"http://ns.adobe.com/x", "XMP"),
    (0xE2, b"ICC_PROFILE\0", "ICC profile"),
    (0xE2, b"MPF\0", "JPEG further pictures"),
    (0xED, b"", "Photoshop and IPTC data"),
    (COMMENT, b"", "JPEG comment"),
)


def clean_file(data: bytes) -> CleanedFile:
    """Clean a JPEG file; see :func:`screening.deidentification.clean_file`."""
    stream, removed = clean_stream(data)
    frame = read_jpeg_frame(data)
    previews = count_pictures(data, frame)[1] if frame else 0
    return CleanedFile(stream, sorted_names(removed), notes=(PREVIEWS_LEFT_OUT,) if previews else ())


def clean_stream(data: bytes, *, whole: bool = True) -> tuple[bytes, set[str]]:
    """Clean a JPEG stream.

    Args:
        data: the stream.
        whole: the stream is a file with a picture, not the separate tables of a TIFF file.

    Returns:
        the cleaned stream, and the names of what was removed.

    Raises:
        FilmError: ``damaged_header``.
    """
    segments = list(limit_parts(iter_segments(data), "jpeg"))
    codes = [segment.code for segment in segments]
    first_scan = codes.index(SCAN) if SCAN in codes else len(segments)
    if (
        not data.startswith(START)
        or (BROKEN_SEGMENT in codes and first_scan == len(segments))
        or (whole and SCAN not in codes)
    ):
        raise damaged("jpeg")
    info = _read_exif_and_xmp(data, segments[:first_scan])
    orientation, removed = exif.read_orientation(info)
    tables = keep_used_tables(data, segments) if whole else {}
    removed |= {UNUSED_TABLES} if tables else set()
    removed |= {
        _segment_name(segment.code, data[segment.body : segment.end])
        for segment in segments
        if _is_unwanted(data, segment)
    }
    if segments and segments[-1].code == END and segments[-1].end < len(data):
        removed.add(TRAILING_DATA)
    write_exif = orientation if whole else 1
    return _rebuild(data, segments, tables, write_exif), removed


def _rebuild(data: bytes, segments: list[Segment], tables: dict[int, bytes], orientation: int) -> bytes:
    copier = ByteCopier(data)
    copier.copy(0, len(START))
    write_exif = orientation != 1
    after_scan = False
    for segment in segments:
        if write_exif and segment.code != JFIF:
            copier.insert(_exif_segment(orientation))
            write_exif = False
        new = _clean_segment(data, segment, tables)
        if new == b"" and after_scan and segment.code not in WITHOUT_LENGTH:
            # Decoders end a damaged scan at any marker: one must stay, or they would continue to read.
            new = bytes([0xFF, COMMENT, 0, 2])
        if new is None:
            copier.copy(segment.start, segment.end)
        elif new:
            copier.replace(new, segment.start, segment.end)
        after_scan = after_scan or segment.code == SCAN
    return copier.join()


def _clean_segment(data: bytes, segment: Segment, tables: dict[int, bytes]) -> bytes | None:
    """Return what replaces a segment, empty for nothing, or ``None`` if it stays."""
    if segment.code == BROKEN_SEGMENT:  # decoders stop here too, and fill the rest with grey
        return bytes([0xFF, END])
    if segment.code in DECODING or segment.code == END:
        return tables.get(segment.start)
    return _minimal_segment(data, segment)


def _minimal_segment(data: bytes, segment: Segment) -> bytes:
    """Return a segment that describes the coding of colours without its other data; empty for any other segment."""
    body = data[segment.body : segment.end]
    if segment.code == JFIF and body.startswith(b"JFIF\0") and len(body) >= JFIF_SIZE:
        return bytes([0xFF, JFIF, 0, JFIF_SIZE + 2]) + body[: JFIF_SIZE - 2] + b"\0\0"
    if segment.code == ADOBE and body.startswith(b"Adobe") and len(body) >= ADOBE_SIZE:
        return bytes([0xFF, ADOBE, 0, ADOBE_SIZE + 2]) + body[:ADOBE_SIZE]
    return b""


def _is_unwanted(data: bytes, segment: Segment) -> bool:
    """Return whether a segment with data is dropped or cut."""
    if segment.code in DECODING or segment.code == BROKEN_SEGMENT or segment.end == segment.body:
        return False
    return _minimal_segment(data, segment) != data[segment.start : segment.end]


def _segment_name(code: int, body: bytes) -> str:
    if code == EXIF and body.startswith(exif.EXIF_HEADER):
        return exif.block_name(body)
    for marker, head, name in SEGMENT_NAMES:
        if code == marker and body.startswith(head):
            return name
    return f"JPEG segment APP{code - JFIF}" if JFIF <= code < JFIF + 16 else "JPEG segment of unknown kind"


def _read_exif_and_xmp(data: bytes, segments: list[Segment]) -> dict[str, Any]:
    """Return EXIF and XMP as Pillow reads them."""
    info: dict[str, Any] = {}
    for segment in segments:
        if segment.code == EXIF:
            add_metadata(info, data[segment.body : segment.end])
    return info


def _exif_segment(orientation: int) -> bytes:
    body = exif.EXIF_HEADER + exif.orientation_block(orientation)
    return bytes([0xFF, EXIF]) + (len(body) + 2).to_bytes(2, "big") + body
