"""Pictures in a JPEG file beside the first: previews, which are left out, and films of their own.

Source: CIPA DC-007-2009 (Multi-Picture Format). Cameras and telephones write such files.
"""

from __future__ import annotations

import struct

from ml.decoding.jpeg_segments import JpegFrame, read_jpeg_frame

NUMBER_OF_PICTURES, ENTRIES = 0xB001, 0xB002  # tags of the index
ENTRY_SIZE = 16
MAX_TAGS, MAX_PICTURES = 64, 64
CLASSES = 0xFF0000  # bits of an entry's attribute
LARGE_THUMBNAIL, MULTI_FRAME = 0x010000, 0x020000


def count_pictures(data: bytes, frame: JpegFrame) -> tuple[int, int]:
    """Count the pictures of a JPEG file.

    A picture is a preview if the index says so, or if it is a smaller copy of the first; maps of depth or brightness
    are stored like that, too. Entries that lead to no JPEG stream are not counted.

    Returns:
        the number of pictures of full size, at least 1, and the number of previews.
    """
    full = previews = 0
    for attribute, start in _read_entries(data, frame.index)[1:] if frame.index else ():
        other = read_jpeg_frame(data, start) if data.startswith(b"\xff\xd8", start) else None
        if other is None:
            continue
        kind = attribute & CLASSES
        if kind == LARGE_THUMBNAIL or (kind != MULTI_FRAME and is_smaller_copy(_size(other), _size(frame))):
            previews += 1
        else:
            full += 1
    return 1 + full, previews


def is_smaller_copy(small: tuple[int, int], large: tuple[int, int]) -> bool:
    """Return whether a picture has at most half the width and height of another and, but for rounding, its shape.

    Args:
        small: width and height in pixels.
        large: width and height in pixels.
    """
    (width, height), (full_width, full_height) = small, large
    fits = 2 * width <= full_width and 2 * height <= full_height
    return fits and abs(width * full_height - height * full_width) <= max(full_width, full_height)


def _size(frame: JpegFrame) -> tuple[int, int]:
    return frame.width, frame.height


def _read_entries(data: bytes, index: int) -> list[tuple[int, int]]:
    """Return attribute and offset in the file of each picture; none where the index cannot be read."""
    order = "<" if data[index : index + 2] == b"II" else ">"
    try:
        directory = index + struct.unpack_from(order + "I", data, index + 4)[0]
        (tags,) = struct.unpack_from(order + "H", data, directory)
        fields = [
            struct.unpack_from(order + "HHII", data, directory + 2 + 12 * tag) for tag in range(min(tags, MAX_TAGS))
        ]
        values = {tag: value for tag, _, _, value in fields}
        first = index + values[ENTRIES]
        entries = [
            struct.unpack_from(order + "III", data, first + ENTRY_SIZE * number)
            for number in range(min(values[NUMBER_OF_PICTURES], MAX_PICTURES))
        ]
    except (struct.error, KeyError):
        return []
    return [(attribute, index + offset) for attribute, _, offset in entries]
