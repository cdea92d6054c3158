"""Cleaning of JPEG files (ITU-T T.81): only the segments that decode the picture are kept, in order and unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import (
    TRAILING_DATA,
    ByteCopier,
    CleanedFile,
    damaged,
    limit_parts,
    sorted_names,
)

START = b"\xff\xd8"
SCAN, END, COMMENT, JFIF, EXIF, ADOBE = 0xDA, 0xD9, 0xFE, 0xE0, 0xE1, 0xEE
BROKEN_SEGMENT = 0  # no marker has this code
WITHOUT_LENGTH = {0x01, 0xD8, END}
# Frame headers, tables (DHT, DAC, DQT), restart interval, number of lines, scans; C8 is reserved.
DECODING = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8}
# A marker in coded pixels is neither a stuffed zero nor a restart (T.81, B.1.1.5, E.1.4) nor a fill byte.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
JFIF_SIZE, ADOBE_SIZE = 14, 12  # bytes that decoders read; the thumbnail and other data behind them are dropped
SEGMENT_NAMES = (
    (0xE0, b"", "JPEG thumbnail"),
    (0xE1, b"http://ns.adobe.com/x", "XMP"),
    (0xE2, b"ICC_PROFILE\0", "ICC profile"),
    (0xE2, b"MPF\0", "JPEG further pictures"),
    (0xED, b"", "Photoshop and IPTC data"),
    (COMMENT, b"", "JPEG comment"),
)


class Segment(NamedTuple):
    """A marker with its data; a scan includes its coded pixels.

    Attributes:
        code: second byte of the marker, or ``BROKEN_SEGMENT`` where its length cannot be right.
        start: offset of the marker.
        body: offset of the data behind marker and length.
        end: offset of the first byte behind the segment.
    """

    code: int
    start: int
    body: int
    end: int


def iter_segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG stream up to its end or to the first one that cannot be read.

    Bytes between segments, which decoders skip, belong to none.
    """
    position = len(START)
    while found := MARKER.search(data, position):
        start, body = found.span()
        code = data[start + 1]
        position = body
        if code not in WITHOUT_LENGTH:
            position += int.from_bytes(data[body : body + 2], "big")
            body += 2
            if not body <= position <= len(data):
                yield Segment(BROKEN_SEGMENT, start, start, start)
                return
        if code == SCAN:
            following = MARKER.search(data, position)
            position = following.start() if following else len(data)
        yield Segment(code, start, body, position)
        if code == END:
            return


def clean_file(data: bytes) -> CleanedFile:
    """Clean a JPEG file; see :func:`screening.deidentification.clean_file`."""
    stream, removed = clean_stream(data)
    return CleanedFile(stream, sorted_names(removed))


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
    removed |= {
        _segment_name(segment.code, data[segment.body : segment.end])
        for segment in segments
        if _is_unwanted(data, segment)
    }
    if segments and segments[-1].code == END and segments[-1].end < len(data):
        removed.add(TRAILING_DATA)
    write_exif = orientation if whole else 1
    return _rebuild(data, segments, first_scan, write_exif), removed


def _rebuild(data: bytes, segments: list[Segment], first_scan: int, orientation: int) -> bytes:
    copier = ByteCopier(data)
    copier.copy(0, len(START))
    write_exif = orientation != 1
    for number, segment in enumerate(segments):
        if write_exif and segment.code != JFIF:
            copier.insert(_exif_segment(orientation))
            write_exif = False
        if segment.code == BROKEN_SEGMENT:  # decoders stop here too, and fill the rest with grey
            copier.insert(bytes([0xFF, END]))
        elif segment.code in DECODING or segment.code == END:
            copier.copy(segment.start, segment.end)
        elif minimal := _minimal_segment(data, segment):
            copier.replace(minimal, segment.start, segment.end)
        elif number > first_scan and segment.code not in WITHOUT_LENGTH:
            # Decoders end a damaged scan at any marker: one must stay, or they would continue to read.
            copier.replace(bytes([0xFF, COMMENT, 0, 2]), segment.start, segment.end)
    return copier.join()


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
    """Return EXIF and XMP as Pillow reads them: EXIF blocks are joined, of several XMP packets the last counts."""
    info: dict[str, Any] = {}
    for body in (data[segment.body : segment.end] for segment in segments if segment.code == EXIF):
        if body.startswith(exif.EXIF_HEADER):
            info["exif"] = info["exif"] + body[len(exif.EXIF_HEADER) :] if "exif" in info else body
        elif body.startswith(XMP_HEAD):
            info["xmp"] = body[len(XMP_HEAD) :]
    return info


def _exif_segment(orientation: int) -> bytes:
    body = exif.EXIF_HEADER + exif.orientation_block(orientation)
    return bytes([0xFF, EXIF]) + (len(body) + 2).to_bytes(2, "big") + body
