"""EXIF and XMP: what they say of the way up is kept, everything else is named and dropped."""

from __future__ import annotations

import struct
from typing import Any

from PIL import ExifTags, Image

from ml.decoding.bounded_reader import suppress_parser_warnings
from screening.deidentification.cleaned import EXIF

ORIENTATION = int(ExifTags.Base.Orientation)
TURNED = range(2, 9)  # 1 is upright
POINTERS = {int(ExifTags.IFD.Exif)}  # what they point to is named instead
HEAD = b"Exif\0\0"  # before a block in JPEG and in some WebP files
UNKNOWN = "EXIF: tag of unknown name"


def block(orientation: int) -> bytes:
    """An EXIF block with nothing but an orientation: a big-endian TIFF directory of one entry (EXIF 2.32, 4.5)."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


OURS = {block(orientation) for orientation in TURNED}


def read(info: dict[str, Any]) -> tuple[int, set[str]]:
    """Read what an EXIF block and an XMP packet say, with Pillow's own code, so that it is what the worker sees.

    Pillow reads no more tag data than the block has bytes, so a hostile block costs no memory.

    Args:
        info: what Pillow would put into ``Image.info``: ``exif``, ``xmp``, ``XML:com.adobe.xmp`` or
            ``Raw profile type exif``.

    Returns:
        the orientation, 1 to 8, and the names of what the EXIF block holds besides.
    """
    if not info:
        return 1, set()
    picture = Image.new("1", (1, 1))
    picture.info.update(info)
    with suppress_parser_warnings():
        try:
            found = picture.getexif()
            orientation = found.get(ORIENTATION, 1)
            names = _names(found)
        except Exception:  # Pillow raises whatever a damaged block leads it to
            orientation, names = 1, set()
    orientation = orientation if isinstance(orientation, int) and orientation in TURNED else 1
    return orientation, names


def _names(found: Image.Exif) -> set[str]:
    inner = found.get_ifd(ExifTags.IFD.Exif) if ExifTags.IFD.Exif in found else {}
    tags = (set(found.keys()) | set(inner)) - POINTERS - {ORIENTATION}
    return {f"EXIF: {ExifTags.TAGS[tag]}" if tag in ExifTags.TAGS else UNKNOWN for tag in tags}


def name(body: bytes) -> str:
    """The name of an EXIF block as a whole; empty for one that :func:`block` made."""
    return "" if body.removeprefix(HEAD) in OURS else EXIF
