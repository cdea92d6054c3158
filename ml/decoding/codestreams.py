"""Compressed pixels by their own first markers: kind, size, samples and bits.

A file may name another Transfer Syntax UID than its pixels have. What the stream says of itself decides.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from pydicom import uid

SCANNED_BYTES = 1 << 18  # of a stream that are looked at; headers of codestreams are shorter

START_OF_IMAGE, START_OF_SCAN, END_OF_IMAGE = 0xD8, 0xDA, 0xD9  # second bytes of JPEG markers, ITU-T T.81 table B.1
JPEG_LS_FRAME = 0xF7  # ITU-T T.87
LOSSLESS_FRAME = 0xC3
UNREAD_FRAMES = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    0xCB: "JPEG lossless with arithmetic coding",
}
# A marker behind coded pixels: in JPEG, FF00 and restart markers belong to them; in JPEG-LS, FF and less than 80.
SCAN_END = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length

J2K_START = b"\xff\x4f\xff\x51"  # SOC and SIZ, ITU-T T.800 table A.2
J2K_SIZE = struct.Struct(">HHIIIIIIIIH")  # from Lsiz to Csiz
HIGH_THROUGHPUT = 0x4000  # bit of Rsiz, ITU-T T.814
JP2_START = b"\0\0\0\x0cjP  "  # signature box, ITU-T T.800 annex I
MAX_BOXES = 64  # of a JP2 file, before its codestream
JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL ")  # ISO 18181-2
RLE_HEADER = struct.Struct("<16I")  # PS3.5 annex G.5
MAX_RLE_SEGMENTS = 15

JPEG_2000_SYNTAXES = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203))
JPEG_LS_SYNTAXES = frozenset(str(syntax) for syntax in uid.JPEGLSTransferSyntaxes)
RETIRED_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(52, 57))  # extended and progressive
RETIRED_LOSSLESS = "1.2.840.10008.1.2.4.58"
DEEP_LOSSY_SYNTAXES = frozenset({str(uid.JPEGExtended12Bit), *RETIRED_LOSSY})
LOSSY_SYNTAXES = frozenset({str(uid.JPEGBaseline8Bit), *DEEP_LOSSY_SYNTAXES})
LOSSLESS_SYNTAXES = frozenset({str(uid.JPEGLossless), str(uid.JPEGLosslessSV1), RETIRED_LOSSLESS})
VIDEO_STARTS = ((0, b"\0\0\1\xb3"), (0, b"\0\0\1\xba"), (0, b"\0\0\0\1"), (4, b"ftyp"))
BYTE = 8


class Codestream(NamedTuple):
    """What a stream says of itself.

    Attributes:
        syntax: its transfer syntax UID; empty where it is of a kind that is not read.
        name: the kind, where it is not read.
        rows: pixels; 0 where the stream does not say it.
        columns: as rows.
        samples: a pixel's samples; 0 where the stream does not say it.
        bits: of a sample; 0 where the stream does not say it.
        is_signed: whether samples are signed, which only JPEG 2000 says.
    """

    syntax: str
    name: str = ""
    rows: int = 0
    columns: int = 0
    samples: int = 0
    bits: int = 0
    is_signed: bool = False

    @property
    def is_lossy_jpeg(self) -> bool:
        """Whether colours are usually stored as YBR."""
        return self.syntax in LOSSY_SYNTAXES

    @property
    def decoder(self) -> str:
        """The transfer syntax UID by which pydicom finds the decoder: it does not know retired ones."""
        if self.syntax in RETIRED_LOSSY:
            return str(uid.JPEGBaseline8Bit if self.bits <= BYTE else uid.JPEGExtended12Bit)
        return str(uid.JPEGLossless) if self.syntax == RETIRED_LOSSLESS else self.syntax


def read_codestream(data: bytes | memoryview, label: str) -> Codestream | None:
    """Identify a stream by its markers, and return ``None`` if it begins with none that is known.

    Args:
        data: the joined fragments of a frame, or their beginning of ``SCANNED_BYTES``.
        label: transfer syntax UID of the file. It is kept where it fits the stream.
    """
    head = bytes(data[:SCANNED_BYTES])
    if head.startswith(bytes([0xFF, START_OF_IMAGE])):
        return _read_jpeg(head, label)
    if head.startswith(J2K_START):
        return _read_jpeg_2000(head, label)
    if head.startswith(JP2_START):
        inner = unwrap_jp2(data)
        return _read_jpeg_2000(bytes(inner[:SCANNED_BYTES]), label) if inner is not None else None
    if head.startswith(JXL_STARTS):
        return Codestream("", "JPEG XL")
    if segments := _rle_segments(head):
        return Codestream(str(uid.RLELossless), bits=0 if segments % 3 == 0 else BYTE * segments)
    if any(head.startswith(start, offset) for offset, start in VIDEO_STARTS):
        return Codestream("", "video")
    return None


class Segment(NamedTuple):
    """A marker segment of JPEG or JPEG-LS: second byte of its marker, offset of its body, offset behind it."""

    marker: int
    body: int
    end: int


def walk_jpeg(data: bytes | memoryview) -> Iterator[Segment]:
    """Yield the marker segments of a JPEG or JPEG-LS stream, those between scans too; coded pixels are skipped.

    The last one is that of the end of the image; it is missing where the stream is damaged or cut short.
    """
    at = 2
    while at + 4 <= len(data) or (at + 2 <= len(data) and data[at + 1] == END_OF_IMAGE):
        marker = data[at + 1]
        if data[at] != 0xFF:
            return
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == END_OF_IMAGE:
            yield Segment(marker, at + 2, at + 2)
            return
        if marker in ALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            return
        yield Segment(marker, at + 4, end)
        at = end
        if marker == START_OF_SCAN:
            following = SCAN_END.search(data, at)
            if following is None:
                return
            at = following.start()


def find_jpeg_end(data: bytes | memoryview) -> int | None:
    """Return the offset behind the end of a JPEG or JPEG-LS stream, or ``None`` if it is damaged or cut short."""
    return next((segment.end for segment in walk_jpeg(data) if segment.marker == END_OF_IMAGE), None)


def unwrap_jp2(data: bytes | memoryview) -> memoryview | None:
    """Return the codestream inside a JP2 file (ITU-T T.800 annex I), or ``None`` if there is none."""
    view, at = memoryview(data), 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(view):
            return None
        length, kind = struct.unpack_from(">I4s", view, at)
        body = at + 8
        if length == 1 and at + 16 <= len(view):
            length, body = struct.unpack_from(">Q", view, at + 8)[0], at + 16
        end = len(view) if length == 0 else at + length
        if kind == b"jp2c":
            return view[body:end]
        if length < 8 and length != 0:
            return None
        at = end
    return None


def _read_jpeg(head: bytes, label: str) -> Codestream | None:
    for segment in walk_jpeg(head):
        if _is_frame(segment.marker):
            return _read_frame(head, segment, label)
        if segment.marker == START_OF_SCAN:
            return None
    return None


def _is_frame(marker: int) -> bool:
    return marker == JPEG_LS_FRAME or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC))


def _read_frame(head: bytes, segment: Segment, label: str) -> Codestream | None:
    marker, body = segment.marker, segment.body
    if marker in UNREAD_FRAMES:
        return Codestream("", UNREAD_FRAMES[marker])
    if body + 6 > segment.end:
        return None
    bits, rows, columns, samples = struct.unpack_from(">BHHB", head, body)
    return Codestream(_jpeg_syntax(marker, bits, label), "", rows, columns, samples, bits)


def _jpeg_syntax(marker: int, bits: int, label: str) -> str:
    if marker == JPEG_LS_FRAME:
        return label if label in JPEG_LS_SYNTAXES else str(uid.JPEGLSLossless)
    if marker == LOSSLESS_FRAME:
        return label if label in LOSSLESS_SYNTAXES else str(uid.JPEGLossless)
    if bits > BYTE:
        return label if label in DEEP_LOSSY_SYNTAXES else str(uid.JPEGExtended12Bit)
    return label if label in LOSSY_SYNTAXES else str(uid.JPEGBaseline8Bit)


def _read_jpeg_2000(head: bytes, label: str) -> Codestream | None:
    at = len(J2K_START)
    if at + J2K_SIZE.size >= len(head):
        return None
    _, capabilities, right, bottom, left, top, _, _, _, _, samples = J2K_SIZE.unpack_from(head, at)
    usual = uid.HTJ2K if capabilities & HIGH_THROUGHPUT else uid.JPEG2000
    depth = head[at + J2K_SIZE.size]  # Ssiz: the sign, and the bits less one
    syntax = label if label in JPEG_2000_SYNTAXES else str(usual)
    return Codestream(syntax, "", bottom - top, right - left, samples, (depth & 0x7F) + 1, depth > 0x7F)


def _rle_segments(head: bytes) -> int:
    """Return the number of segments if these bytes begin with an RLE header (PS3.5 G.5), else 0."""
    if len(head) <= RLE_HEADER.size:
        return 0
    count, *offsets = RLE_HEADER.unpack_from(head)
    used = offsets[:count]
    if not 1 <= count <= MAX_RLE_SEGMENTS or used[0] != RLE_HEADER.size or used != sorted(set(used)):
        return 0
    return 0 if any(offsets[count:]) else count
