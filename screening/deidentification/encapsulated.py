"""Cleaning of compressed DICOM pixels: comments are overwritten with zeros, bytes after the end are cut off."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ml.decoding.codestreams import END_OF_IMAGE, J2K_START, JP2_START, RLE_HEADER, unwrap_jp2, walk_jpeg

JPEG_START = b"\xff\xd8"
SEGMENT = struct.Struct(">HH")  # marker, length
COMMENT = 0xFE  # second byte of the marker of a comment in JPEG and JPEG-LS
# Application segments that describe how pixels are coded are kept, without what follows the given number of bytes:
# JFIF (a thumbnail follows), the colours of JPEG-LS, Adobe.
APPLICATION_MARKERS = range(0xE0, 0xF0)
CODING_SEGMENTS = {0xE0: (b"JFIF\0", 14), 0xE8: (b"mrfx", 5), 0xEE: (b"Adobe", 12)}

# Markers of JPEG 2000, ITU-T T.800 table A.2.
COMMENT_2000, TILE_PART, START_OF_DATA, END_OF_CODESTREAM = 0xFF64, 0xFF90, 0xFF93, 0xFFD9
REGISTRATION_BYTES = 2  # length of the registration value, with which a comment begins
TILE_LENGTH = struct.Struct(">HHI")  # of a tile-part: length of the segment, tile, length of the tile-part

# By the first byte of an RLE run (PS3.5 G.3.2): bytes of the run, and bytes that it gives; 128 gives none.
RUN_LENGTHS = tuple(head + 2 if head < 128 else 2 if head > 128 else 1 for head in range(256))
MAX_PADDING = 1024  # bytes
RUN_COUNTS = tuple(head + 1 if head < 128 else 257 - head if head > 128 else 0 for head in range(256))

Range = tuple[int, int]


def clean_frame(frame: memoryview, plane_bytes: int = 0) -> tuple[bytes | memoryview, bool, bool]:
    """Overwrite comments, EXIF and XMP in a compressed frame with zeros, and cut off what follows its end.

    Args:
        frame: the joined fragments.
        plane_bytes: rows times columns; 0 where that is not known. The end of RLE is found by it.

    Returns:
        the frame, whether a comment was removed, and whether bytes were cut off that are not zero.
    """
    head = bytes(frame[:12])
    if head.startswith(JP2_START) and (inner := unwrap_jp2(frame)) is not None:  # PS3.5 A.4.4 has no JP2 boxes
        cleaned, _, is_cut = clean_frame(inner)
        return cleaned, True, is_cut
    end: int | None = None
    if head.startswith(JPEG_START):
        ranges, end = _jpeg_ranges(frame)
    elif head.startswith(J2K_START):
        ranges, end = _jpeg_2000_ranges(frame)
    else:
        ranges, end = [], _find_rle_end(frame, plane_bytes)
    end = len(frame) if end is None else end
    is_cut = any(frame[end:])
    ranges = [(start, stop) for start, stop in ranges if any(frame[start:stop])]
    if ranges:
        blanked = bytearray(frame[:end])
        for start, stop in ranges:
            blanked[start:stop] = bytes(stop - start)
        return bytes(blanked), True, is_cut
    return frame[:end], False, is_cut


def clean_fragments(value: memoryview) -> tuple[bytes | memoryview, bool]:
    """Overwrite comments in the fragments of several frames with zeros, so that no length or offset changes.

    Returns:
        the value (the same object where nothing was overwritten), and whether anything was.
    """
    blanked: bytearray | None = None
    for start, end in _fragments(value):
        fragment = value[start:end]
        if bytes(fragment[:2]) == JPEG_START:
            ranges, _ = _jpeg_ranges(fragment)
        elif bytes(fragment[:4]) == J2K_START:
            ranges, _ = _jpeg_2000_ranges(fragment)
        else:
            continue
        for first, last in ranges:
            if any(fragment[first:last]):
                blanked = bytearray(value) if blanked is None else blanked
                blanked[start + first : start + last] = bytes(last - first)
    return (value, False) if blanked is None else (bytes(blanked), True)


def _fragments(value: memoryview) -> Iterator[Range]:
    position = 0
    while position + 8 <= len(value):
        length = int.from_bytes(value[position + 4 : position + 8], "little")
        yield position + 8, min(position + 8 + length, len(value))
        position += 8 + length


def _jpeg_ranges(frame: memoryview) -> tuple[list[Range], int | None]:
    """Return the ranges to overwrite in JPEG or JPEG-LS, those between scans too, and the offset behind its end."""
    ranges: list[Range] = []
    last: int | None = None
    for marker, body, end in walk_jpeg(frame):
        head, kept = CODING_SEGMENTS.get(marker, (b"", 0))
        if marker in APPLICATION_MARKERS and head and bytes(frame[body : body + len(head)]) == head:
            ranges.append((min(body + kept, end), end))
        elif marker == COMMENT or marker in APPLICATION_MARKERS:
            ranges.append((body, end))
        elif marker == END_OF_IMAGE:
            last = end
    return ranges, last


def _jpeg_2000_ranges(frame: memoryview) -> tuple[list[Range], int | None]:
    """Return the ranges to overwrite in a JPEG 2000 codestream, and the offset behind its end, if it is found."""
    ranges: list[Range] = []
    position, tile_end = 2, 0
    while position + SEGMENT.size <= len(frame) or position + 2 == len(frame):
        marker = int.from_bytes(frame[position : position + 2], "big")
        if marker == END_OF_CODESTREAM:
            return ranges, position + 2
        if marker == START_OF_DATA:
            position = tile_end or _find_end(frame, position)
            if position <= 0 or position > len(frame):
                return ranges, None
            continue
        if position + SEGMENT.size > len(frame):
            break
        _, length = SEGMENT.unpack_from(frame, position)
        following = position + 2 + length
        if marker >> 8 != 0xFF or length < 2 or following > len(frame):
            break
        if marker == TILE_PART and length == 10:
            _, _, part = TILE_LENGTH.unpack_from(frame, position + 2)
            tile_end = position + part if part else 0
        elif marker == COMMENT_2000:
            ranges.append((min(position + 4 + REGISTRATION_BYTES, following), following))
        position = following
    return ranges, None


def _find_end(frame: memoryview, position: int) -> int:
    """Return the offset of the end marker behind a tile-part of unknown length; it never occurs in coded pixels."""
    return bytes(frame[position:]).find(END_OF_CODESTREAM.to_bytes(2, "big")) + position


def _find_rle_end(frame: memoryview, plane_bytes: int) -> int | None:
    """Return the offset behind the last segment of an RLE frame (PS3.5 G).

    ``None`` where the frame is not RLE, is damaged, or the size of its planes is not known. Runs are counted one by
    one only where the segment gives another number of bytes than a plane has.
    """
    if len(frame) <= RLE_HEADER.size or not plane_bytes:
        return None
    count, *offsets = RLE_HEADER.unpack_from(frame)
    if not 1 <= count <= len(offsets) or offsets[0] != RLE_HEADER.size or not offsets[count - 1] < len(frame):
        return None
    for end in (len(frame), len(frame) - 1):  # with and without a byte of padding
        if _unpacked_size(frame[offsets[count - 1] : end], plane_bytes) == plane_bytes:
            return end
    return _rle_end(bytes(frame), offsets[count - 1], len(frame), plane_bytes)


def _unpacked_size(segment: memoryview, plane_bytes: int) -> int:
    """Return the number of bytes that the runs of an RLE segment give; -1 where the last run is not whole."""
    from imagecodecs import packbits_decode  # here: it is slow to load, and few films need it

    if len(segment) > 2 * plane_bytes + MAX_PADDING:
        return -1  # more runs than a film has pixels
    try:
        return len(packbits_decode(bytes(segment)))
    except RuntimeError:
        return -1


def _rle_end(frame: bytes, start: int, limit: int, plane_bytes: int) -> int:
    """Return the offset behind the runs of an RLE segment that give the bytes of a plane."""
    position, left, lengths, counts = start, plane_bytes, RUN_LENGTHS, RUN_COUNTS
    while left > 0 and position < limit:  # hundreds of thousands of runs: nothing else is done here
        head = frame[position]
        left -= counts[head]
        position += lengths[head]
    return min(position, limit)
