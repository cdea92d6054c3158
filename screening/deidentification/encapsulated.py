"""Comments within compressed pixels of DICOM: overwritten with zeros, so that not a length nor an offset changes."""

from __future__ import annotations

import struct

from pydicom import uid

# Encoded as the JPEG family is: markers, each with its length, before the coded pixels.
FAMILY = {
    *(str(one) for one in uid.JPEGTransferSyntaxes),
    *(str(one) for one in uid.JPEGLSTransferSyntaxes),
    *(str(one) for one in uid.JPEG2000TransferSyntaxes),
}
SEGMENT = struct.Struct(">HH")  # marker, length
STARTS = {b"\xff\xd8": 0xFFDA, b"\xff\x4f": 0xFF90}  # of a picture; the marker that ends its header
COMMENT, COMMENT_2000, REGISTRATION = 0xFFFE, 0xFF64, 2  # the last: bytes that say what a JPEG 2000 comment is
# Of the applications' segments those that say how pixels are coded stay: JFIF, JPEG-LS colours, Adobe.
APPLICATION = {*range(0xFFE0, 0xFFF0)}
CODING = {0xFFE0: b"JFIF\0", 0xFFE8: b"mrfx", 0xFFEE: b"Adobe"}


def without_comments(value: memoryview, syntax: str) -> tuple[bytes | memoryview, bool]:
    """Blank what the headers of compressed pictures carry besides the picture: comments, EXIF, XMP.

    Args:
        value: of Pixel Data, items and all.
        syntax: transfer syntax UID.

    Returns:
        the value, itself where there is nothing to blank, and whether anything was.
    """
    places = [place for start, end in _fragments(value) for place in _places(value, start, end)]
    places = [(start, end) for start, end in places if any(value[start:end])]
    if syntax not in FAMILY or not places:
        return value, False
    blanked = bytearray(value)
    for start, end in places:
        blanked[start:end] = bytes(end - start)
    return bytes(blanked), True


def _fragments(value: memoryview) -> list[tuple[int, int]]:
    found, position = [], 0
    while position + 8 <= len(value):
        length = int.from_bytes(value[position + 4 : position + 8], "little")
        found.append((position + 8, min(position + 8 + length, len(value))))
        position += 8 + length
    return found


def _places(value: memoryview, start: int, end: int) -> list[tuple[int, int]]:
    """What is to be blanked in one fragment, up to its coded pixels; one that begins no picture has no header."""
    last = STARTS.get(bytes(value[start : start + 2]))
    found: list[tuple[int, int]] = []
    position = start + 2
    while last is not None and position + SEGMENT.size <= end:
        marker, length = SEGMENT.unpack_from(value, position)
        body, following = position + SEGMENT.size, position + 2 + length
        if marker >> 8 != 0xFF or marker == last or length < 2 or following > end:
            break
        head = CODING.get(marker)
        if marker == COMMENT_2000:
            found.append((min(body + REGISTRATION, following), following))
        elif marker == COMMENT or (
            marker in APPLICATION and not (head and value[body:following][: len(head)] == head)
        ):
            found.append((body, following))
        position = following
    return found
