"""Removal of comments from compressed DICOM pixels: overwritten with zeros, so that no length or offset changes."""

from __future__ import annotations

import struct

from pydicom import uid

# Transfer syntaxes of the JPEG family: markers, each with its length, before the coded pixels.
JPEG_SYNTAXES = {
    *(str(syntax) for syntax in uid.JPEGTransferSyntaxes),
    *(str(syntax) for syntax in uid.JPEGLSTransferSyntaxes),
    *(str(syntax) for syntax in uid.JPEG2000TransferSyntaxes),
}
SEGMENT = struct.Struct(">HH")  # marker, length
HEADER_ENDS = {b"\xff\xd8": 0xFFDA, b"\xff\x4f": 0xFF90}  # start of a picture: the marker that ends its header
COMMENT = 0xFFFE  # marker of a comment in JPEG and JPEG-LS
COMMENT_2000 = 0xFF64  # marker of a comment in JPEG 2000
REGISTRATION_BYTES = 2  # length of the registration value, with which a JPEG 2000 comment begins
# Application segments that describe how pixels are coded are kept: JFIF, JPEG-LS colours, Adobe.
APPLICATION_MARKERS = {*range(0xFFE0, 0xFFF0)}
CODING_SEGMENTS = {0xFFE0: b"JFIF\0", 0xFFE8: b"mrfx", 0xFFEE: b"Adobe"}


def blank_comments(value: memoryview, syntax: str) -> tuple[bytes | memoryview, bool]:
    """Overwrite comments, EXIF and XMP in the headers of compressed pictures with zeros.

    Args:
        value: the value of Pixel Data with its items.
        syntax: transfer syntax UID.

    Returns:
        the value (the same object where nothing was overwritten), and whether anything was.
    """
    ranges = [place for start, end in _fragments(value) for place in _ranges_to_blank(value, start, end)]
    ranges = [(start, end) for start, end in ranges if any(value[start:end])]
    if syntax not in JPEG_SYNTAXES or not ranges:
        return value, False
    blanked = bytearray(value)
    for start, end in ranges:
        blanked[start:end] = bytes(end - start)
    return bytes(blanked), True


def _fragments(value: memoryview) -> list[tuple[int, int]]:
    ranges, position = [], 0
    while position + 8 <= len(value):
        length = int.from_bytes(value[position + 4 : position + 8], "little")
        ranges.append((position + 8, min(position + 8 + length, len(value))))
        position += 8 + length
    return ranges


def _ranges_to_blank(value: memoryview, start: int, end: int) -> list[tuple[int, int]]:
    """Return the ranges to overwrite in one fragment, up to its coded pixels.

    A fragment that does not start a picture has no header.
    """
    last = HEADER_ENDS.get(bytes(value[start : start + 2]))
    ranges: list[tuple[int, int]] = []
    position = start + 2
    while last is not None and position + SEGMENT.size <= end:
        marker, length = SEGMENT.unpack_from(value, position)
        body, following = position + SEGMENT.size, position + 2 + length
        if marker >> 8 != 0xFF or marker == last or length < 2 or following > end:
            break
        head = CODING_SEGMENTS.get(marker)
        if marker == COMMENT_2000:
            ranges.append((min(body + REGISTRATION_BYTES, following), following))
        elif marker == COMMENT or (
            marker in APPLICATION_MARKERS and not (head and value[body:following][: len(head)] == head)
        ):
            ranges.append((body, following))
        position = following
    return ranges
