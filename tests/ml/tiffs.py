"""TIFF files put together by hand, as Pillow writes neither the other byte order nor hostile directories."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, LENGTHS, EXTRA, FORMAT = 273, 277, 278, 279, 338, 339
FORMATS = {"u": 1, "i": 2, "f": 3}
LONG = 4
Entries = dict[int, tuple[int, int, int]]  # tag: type, count, value


def entries_of(pixels: NDArray[Any], photometric: int = 1) -> Entries:
    """The directory of one strip of grey values that lies behind the header."""
    height, width = pixels.shape
    return {
        WIDTH: (LONG, 1, width),
        HEIGHT: (LONG, 1, height),
        BITS: (3, 1, 8 * pixels.dtype.itemsize),
        COMPRESSION: (3, 1, 1),
        PHOTOMETRIC: (3, 1, photometric),
        OFFSETS: (LONG, 1, 16),
        SAMPLES: (3, 1, 1),
        ROWS: (LONG, 1, height),
        LENGTHS: (LONG, 1, pixels.nbytes),
        FORMAT: (3, 1, FORMATS[pixels.dtype.kind]),
    }


def tiff(pixels: NDArray[Any], order: str = "<", big: bool = False, following: int = 0, **changes: Any) -> bytes:
    """A file of grey values.

    Args:
        pixels: [H, W].
        order: ``<`` or ``>``, of the directory and the values.
        big: as BigTIFF.
        following: where the next directory lies, 0 for none.
        changes: ``photometric``, and ``entries`` to put in the place of others, or beside them.
    """
    values = pixels.astype(pixels.dtype.newbyteorder("<" if order == "<" else ">")).tobytes()
    values += b"\0" * (len(values) % 2)
    entries = entries_of(pixels, changes.get("photometric", 1)) | changes.get("entries", {})
    mark, at = (b"II" if order == "<" else b"MM"), 16 + len(values)
    if big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
        body = struct.pack(order + "Q", len(entries))
    else:
        head = (mark + struct.pack(order + "HI", 42, at)).ljust(16, b"\0")
        body = struct.pack(order + "H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        body += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, count)
        field = struct.pack(order + "H", value) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        body += (struct.pack(order + "Q", value) if big and count > 1 else field).ljust(8 if big else 4, b"\0")
    return head + values + body + struct.pack(order + ("Q" if big else "I"), following)
