"""JPEG (ITU-T T.81): only what decodes the picture is kept, in the file's own order and bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import AFTER_THE_END, Cleaned, Kept, bounded, damaged, names

START = b"\xff\xd8"
SCAN, END, COMMENT, JFIF, EXIF, ADOBE = 0xDA, 0xD9, 0xFE, 0xE0, 0xE1, 0xEE
BROKEN = 0  # no marker has this code
WITHOUT_LENGTH = {0x01, 0xD8, END}
# Frame headers, tables (DHT, DAC, DQT), restart interval, number of lines, scans; C8 is reserved.
DECODING = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8}
# A marker within coded pixels is neither a stuffed zero nor a restart (T.81, B.1.1.5, E.1.4) nor a fill byte.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
JFIF_SIZE, ADOBE_SIZE = 14, 12  # bytes that decoders read; the thumbnail and what else follows are dropped
NAMES = (
    (0xE0, b"", "JPEG thumbnail"),
    (0xE1, b"http://ns.adobe.com/x", "XMP"),
    (0xE2, b"ICC_PROFILE\0", "ICC profile"),
    (0xE2, b"MPF\0", "JPEG further pictures"),
    (0xED, b"", "Photoshop and IPTC data"),
    (COMMENT, b"", "JPEG comment"),
)


class Segment(NamedTuple):
    """A marker with what belongs to it; a scan has its coded pixels with it.

    Attributes:
        code: second byte of the marker, or ``BROKEN`` where its length cannot be right.
        start: offset of the marker.
        body: offset of what follows marker and length.
        end: offset of what follows the segment.
    """

    code: int
    start: int
    body: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Walk a JPEG stream up to its end or to where it cannot be walked any further.

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
                yield Segment(BROKEN, start, start, start)
                return
        if code == SCAN:
            following = MARKER.search(data, position)
            position = following.start() if following else len(data)
        yield Segment(code, start, body, position)
        if code == END:
            return


def clean(data: bytes) -> Cleaned:
    """Clean a JPEG file; see :func:`screening.deidentification.clean`."""
    stream, removed = strip(data)
    return Cleaned(stream, names(removed))


def strip(data: bytes, *, whole: bool = True) -> tuple[bytes, set[str]]:
    """Clean a JPEG stream.

    Args:
        data: the stream.
        whole: it is a file, with a picture in it, and not the tables that a TIFF file keeps apart.

    Returns:
        the stream, and the names of what was removed.

    Raises:
        FilmError: ``damaged_header``.
    """
    parts = list(bounded(segments(data), "jpeg"))
    codes = [part.code for part in parts]
    first_scan = codes.index(SCAN) if SCAN in codes else len(parts)
    if not data.startswith(START) or (BROKEN in codes and first_scan == len(parts)) or (whole and SCAN not in codes):
        raise damaged("jpeg")
    info = _said(data, parts[:first_scan])
    orientation, removed = exif.read(info)
    removed |= {_name(part.code, data[part.body : part.end]) for part in parts if _is_unwanted(data, part)}
    if parts and parts[-1].code == END and parts[-1].end < len(data):
        removed.add(AFTER_THE_END)
    turned = orientation if whole else 1
    return _rebuilt(data, parts, first_scan, turned), removed


def _rebuilt(data: bytes, parts: list[Segment], first_scan: int, orientation: int) -> bytes:
    kept = Kept(data)
    kept.keep(0, len(START))
    turned = orientation != 1
    for number, part in enumerate(parts):
        if turned and part.code != JFIF:
            kept.add(_exif_segment(orientation))
            turned = False
        if part.code == BROKEN:  # decoders stop here as well, and fill up with grey
            kept.add(bytes([0xFF, END]))
        elif part.code in DECODING or part.code == END:
            kept.keep(part.start, part.end)
        elif minimal := _minimal(data, part):
            kept.put(minimal, part.start, part.end)
        elif number > first_scan and part.code not in WITHOUT_LENGTH:
            # Decoders end a damaged scan at any marker: one must stay, or they would read on.
            kept.put(bytes([0xFF, COMMENT, 0, 2]), part.start, part.end)
    return kept.join()


def _minimal(data: bytes, part: Segment) -> bytes:
    """A segment that says how colours are coded, without what else it may carry; empty for any other."""
    body = data[part.body : part.end]
    if part.code == JFIF and body.startswith(b"JFIF\0") and len(body) >= JFIF_SIZE:
        return bytes([0xFF, JFIF, 0, JFIF_SIZE + 2]) + body[: JFIF_SIZE - 2] + b"\0\0"
    if part.code == ADOBE and body.startswith(b"Adobe") and len(body) >= ADOBE_SIZE:
        return bytes([0xFF, ADOBE, 0, ADOBE_SIZE + 2]) + body[:ADOBE_SIZE]
    return b""


def _is_unwanted(data: bytes, part: Segment) -> bool:
    """Whether a segment is dropped or cut, and holds something."""
    if part.code in DECODING or part.code == BROKEN or part.end == part.body:
        return False
    return _minimal(data, part) != data[part.start : part.end]


def _name(code: int, body: bytes) -> str:
    if code == EXIF and body.startswith(exif.HEAD):
        return exif.name(body)
    for marker, head, name in NAMES:
        if code == marker and body.startswith(head):
            return name
    return f"JPEG segment APP{code - JFIF}" if JFIF <= code < JFIF + 16 else "JPEG segment of unknown kind"


def _said(data: bytes, parts: list[Segment]) -> dict[str, Any]:
    """EXIF and XMP as Pillow puts them together: blocks of EXIF are one, of XMP the last counts."""
    info: dict[str, Any] = {}
    for body in (data[part.body : part.end] for part in parts if part.code == EXIF):
        if body.startswith(exif.HEAD):
            info["exif"] = info["exif"] + body[len(exif.HEAD) :] if "exif" in info else body
        elif body.startswith(XMP_HEAD):
            info["xmp"] = body[len(XMP_HEAD) :]
    return info


def _exif_segment(orientation: int) -> bytes:
    body = exif.HEAD + exif.block(orientation)
    return bytes([0xFF, EXIF]) + (len(body) + 2).to_bytes(2, "big") + body
