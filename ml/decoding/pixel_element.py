"""The value of Pixel Data: found in the file, its fragments joined, and identified by its own content."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from pydicom import uid
from pydicom.uid import UID

from ml.decoding.codestreams import (
    JPEG_2000_SYNTAXES,
    JPEG_LS_SYNTAXES,
    LOSSLESS_SYNTAXES,
    LOSSY_SYNTAXES,
    Codestream,
    read_codestream,
)

ITEM = b"\xfe\xff\x00\xe0"  # tag of a fragment, always little endian (PS3.5 A.4)
PIXEL_VRS = (b"OW", b"OB", b"UN", b"OF", b"OD", b"OL")  # of Pixel Data as systems write it
UNDEFINED = 0xFFFFFFFF
MAX_FRAGMENTS = 100_000  # of one frame; the largest films have a few hundred
ITEM_HEAD = 8

NATIVE_LABELS = {  # uncompressed, or compressed as a whole data set that was inflated
    *(str(syntax) for syntax in (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)),
    str(uid.DeflatedExplicitVRLittleEndian),
}
ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"  # Encapsulated Uncompressed Explicit VR Little Endian
UNCOMPRESSED_LABELS = {*NATIVE_LABELS, ENCAPSULATED_NATIVE}
READ_LABELS = {
    *UNCOMPRESSED_LABELS,
    *LOSSY_SYNTAXES,
    *LOSSLESS_SYNTAXES,
    *JPEG_LS_SYNTAXES,
    *JPEG_2000_SYNTAXES,
    str(uid.RLELossless),
}
JPIP = "JPIP"  # of a file whose pixels are on a server
# Names of the kinds that the dictionary of pydicom does not have, or by which nobody knows them.
NAMES = {
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (110, 111, 112)), "JPEG XL"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (94, 95, 204, 205)), JPIP),
    "1.2.840.10008.1.2.7.1": "SMPTE ST 2110 video",
    "1.2.840.10008.1.2.7.2": "SMPTE ST 2110 video",
    "1.2.840.10008.1.2.7.3": "SMPTE ST 2110 audio",
    # Pixel Data has big-endian words by its name; files with little-endian ones are found as well.
    "1.2.840.113619.5.2": "a private syntax of General Electric",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
STANDARD_ROOT = "1.2.840.10008.1.2"
VIDEO = range(100, 109)  # 1.2.840.10008.1.2.4.100 to .108: MPEG2, MPEG-4, HEVC


@dataclass(frozen=True)
class PixelStream:
    """Pixel Data of one frame.

    Attributes:
        data: the uncompressed values, or the joined codestream (perhaps only its beginning); nothing is copied where
            there is one fragment.
        encoded: what the codestream says of itself; ``None`` for uncompressed values.
        unread: the name of the compression, where it is not read.
        fragments: whether the values lay in fragments.
    """

    data: memoryview
    encoded: Codestream | None = None
    unread: str = ""
    fragments: bool = False


class PixelElement(NamedTuple):
    """The element Pixel Data.

    Attributes:
        vr: value representation, empty where the file has none.
        value: as far as the file has it; with undefined length up to the end of the file.
        length: declared bytes, ``None`` for undefined.
    """

    vr: str
    value: memoryview
    length: int | None


def find_element(data: bytes, position: int, *, little: bool) -> PixelElement:
    """Read the element at a position of the file: Pixel Data.

    Whether it has a VR is decided by itself: read as a length, the letters of a VR would be odd.
    """
    order = "<" if little else ">"
    view = memoryview(data)
    vr = bytes(view[position + 4 : position + 6])
    if vr in PIXEL_VRS and not any(view[position + 6 : position + 8]):
        start = position + 12
    else:
        vr, start = b"", position + 8
    length = _unpack(f"{order}I", view, start)
    if length == UNDEFINED:
        return PixelElement(vr.decode(), view[start:], None)
    return PixelElement(vr.decode(), view[start : start + length], length)


def read_pixel_stream(
    element: PixelElement, label: str, native_bytes: int, max_bytes: int | None = None
) -> PixelStream:
    """Identify the pixels of one frame. With one frame, no offset table is needed, and a wrong one does no harm.

    Args:
        element: Pixel Data; bytes after its last fragment are ignored.
        label: transfer syntax UID of the file.
        native_bytes: the bytes that uncompressed pixels have by the header; 0 where it does not say it.
        max_bytes: how many bytes to join of the fragments, for a look at the beginning only.
    """
    value, length = element.value, element.length
    if length is not None:
        if _is_native_size(length, native_bytes):
            return PixelStream(value, unread="" if label.startswith(STANDARD_ROOT) else name_syntax(label))
        if bytes(value[:4]) != ITEM:
            return _identify(value, label, native_bytes, fragments=False)
    parts = read_fragments(value)
    if parts and (len(parts) == 1 or read_codestream(parts[0], label)):
        joined = _join(parts, max_bytes)  # there is no offset table
    else:
        joined = _join(parts[1:], max_bytes)
    return _identify(joined, label, native_bytes, fragments=True)


def read_fragments(value: memoryview) -> list[memoryview]:
    """Return the items of encapsulated pixels, the offset table among them; the last may be cut short."""
    parts: list[memoryview] = []
    position = 0
    while position + ITEM_HEAD <= len(value) and bytes(value[position : position + 4]) == ITEM:
        length = _unpack("<I", value, position + ITEM_HEAD)
        position += ITEM_HEAD
        parts.append(value[position : position + length])
        position += length
        if len(parts) > MAX_FRAGMENTS:
            raise ValueError("the frame has more fragments than any film")
    return parts


def encapsulate_frame(frame: bytes | memoryview, offset_table: bytes = b"") -> bytes:
    """Return the value of Pixel Data with one frame in one fragment (PS3.5 A.4); the frame is copied once."""
    padding = bytes(len(frame) % 2)
    heads = (ITEM + struct.pack("<I", len(offset_table)), ITEM + struct.pack("<I", len(frame) + len(padding)))
    return b"".join((heads[0], offset_table, heads[1], frame, padding))


def name_syntax(label: str) -> str:
    """Return the name of a transfer syntax in a sentence. A private UID is not quoted: it may hold anything."""
    if label in NAMES:
        return NAMES[label]
    number = label.removeprefix(f"{STANDARD_ROOT}.4.")
    if number.isdecimal() and int(number) in VIDEO:
        return "MPEG or HEVC video"
    if not label.startswith(STANDARD_ROOT):
        return "a private syntax"
    name = UID(label).name
    return name.partition("(")[0].partition(":")[0].strip() if name != label else "an unknown syntax"


def _identify(data: memoryview, label: str, native_bytes: int, *, fragments: bool) -> PixelStream:
    """Identify values that do not have the length of uncompressed pixels, or that lie in fragments."""
    found = read_codestream(data, label)
    if found is not None and (fragments or label not in NATIVE_LABELS or not native_bytes):
        return PixelStream(data, found, found.name, fragments)
    fits = _is_native_size(len(data), native_bytes) if fragments else len(data) >= native_bytes > 0
    is_native = fits and label.startswith(STANDARD_ROOT)
    if label in UNCOMPRESSED_LABELS or is_native:
        return PixelStream(data, None, "", fragments)
    if label not in READ_LABELS:
        return PixelStream(data, None, name_syntax(label), fragments)
    return PixelStream(data, Codestream(label), "", fragments)  # damaged: the decoder of its label refuses it


def _is_native_size(length: int, native_bytes: int) -> bool:
    """Return whether a value has the length of uncompressed pixels, with at most its padding."""
    return native_bytes > 0 and native_bytes <= length <= native_bytes + 1


def _join(parts: list[memoryview], max_bytes: int | None) -> memoryview:
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    if max_bytes is None:
        return memoryview(b"".join(parts))
    joined, left = [], max_bytes
    for part in parts:
        joined.append(part[:left])
        left -= len(joined[-1])
        if left <= 0:
            break
    return memoryview(b"".join(joined))


def _unpack(layout: str, view: memoryview, end: int) -> int:
    return int(struct.unpack_from(layout, view, end - struct.calcsize(layout))[0])
