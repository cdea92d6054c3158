"""The segments of a JPEG stream (ITU-T T.81, annex B), and the properties of its first picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

START = b"\xff\xd8"
SCAN, END, COMMENT, JFIF, EXIF, APP2, ADOBE = 0xDA, 0xD9, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE
BROKEN_SEGMENT = 0  # no marker has this code
WITHOUT_LENGTH = {0x01, 0xD8, END}
# A marker in coded pixels is neither a stuffed zero nor a restart (T.81, B.1.1.5, E.1.4) nor a fill byte.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

# Frame headers by their coding process (T.81, table B.1; T.87 for JPEG-LS).
LOSSLESS, LOSSLESS_ARITHMETIC, JPEG_LS = 0xC3, 0xCB, 0xF7
HUFFMAN_DCT, ARITHMETIC_DCT = frozenset({0xC0, 0xC1, 0xC2}), frozenset({0xC9, 0xCA})
HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
FRAMES = HUFFMAN_DCT | ARITHMETIC_DCT | HIERARCHICAL | {LOSSLESS, LOSSLESS_ARITHMETIC, JPEG_LS}
FRAME_SIZE = 6  # bytes of a frame header before the components

EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
INDEX_HEAD = b"MPF\0"
ADOBE_HEAD, ADOBE_SIZE = b"Adobe", 12
MAX_HEADER_SEGMENTS = 10_000  # before the first scan; cameras write some hundred for large metadata


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


@dataclass(frozen=True)
class JpegFrame:
    """Properties of a JPEG picture by its frame header.

    Attributes:
        process: the second byte of the frame header's marker, which names the coding process.
        bits: per sample.
        height: rows in pixels; 0 if a later segment defines it.
        width: columns in pixels.
        samples: per pixel.
        is_ycc: the Adobe segment says that the three samples are luminance and two colour differences.
        info: EXIF and XMP under the names that Pillow uses in ``Image.info``.
        index: offset of the index of further pictures (CIPA DC-007) behind its name, or 0.
        scan: offset of the first scan.
    """

    process: int
    bits: int
    height: int
    width: int
    samples: int
    is_ycc: bool
    info: dict[str, Any]
    index: int
    scan: int


def iter_segments(data: bytes, start: int = 0, *, whole: bool = True) -> Iterator[Segment]:
    """Yield the segments of a JPEG stream up to its end or to the first one that cannot be read.

    Bytes between segments, which decoders skip, belong to none.

    Args:
        data: bytes with a stream.
        start: offset of the stream.
        whole: otherwise the first scan ends it, without its coded pixels; searching them takes time.
    """
    position = start + len(START)
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
        if code == SCAN and whole:
            following = MARKER.search(data, position)
            position = following.start() if following else len(data)
        yield Segment(code, start, body, position)
        if code == END or (code == SCAN and not whole):
            return


def read_jpeg_frame(data: bytes, start: int = 0) -> JpegFrame | None:
    """Return the properties of the picture that a JPEG stream holds, or ``None`` if it has no frame header.

    Args:
        data: bytes with a stream.
        start: offset of the stream.
    """
    frame = b""
    process, index, scan, is_ycc = 0, 0, len(data), False
    info: dict[str, Any] = {}
    for segment in islice(iter_segments(data, start, whole=False), MAX_HEADER_SEGMENTS):
        body = data[segment.body : min(segment.end, segment.body + (1 << 16))]
        if segment.code in FRAMES and not frame:
            process, frame = segment.code, body
        elif segment.code == EXIF:
            add_metadata(info, body)
        elif segment.code == ADOBE and body.startswith(ADOBE_HEAD) and len(body) >= ADOBE_SIZE:
            is_ycc = body[ADOBE_SIZE - 1] == 1
        elif segment.code == APP2 and body.startswith(INDEX_HEAD) and not index:
            index = segment.body + len(INDEX_HEAD)
        elif segment.code in (SCAN, END, BROKEN_SEGMENT):
            scan = segment.start
            break
    if len(frame) < FRAME_SIZE:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return JpegFrame(process, frame[0], height, width, frame[5], is_ycc, info, index, scan)


def add_metadata(info: dict[str, Any], body: bytes) -> None:
    """Add the data of an APP1 segment as Pillow does: EXIF blocks are joined, of several XMP packets the last counts.

    Args:
        info: receives ``exif`` and ``xmp``.
        body: the data of the segment.
    """
    if body.startswith(EXIF_HEAD):
        info["exif"] = info["exif"] + body[len(EXIF_HEAD) :] if "exif" in info else body
    elif body.startswith(XMP_HEAD):
        info["xmp"] = body[len(XMP_HEAD) :]
