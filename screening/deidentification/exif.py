"""Cleaning of EXIF and XMP: the orientation is kept, all other tags are named and removed."""

from __future__ import annotations

import struct
from typing import Any

from PIL import ExifTags, Image

from ml.decoding.bounded_reader import suppress_parser_warnings
from screening.deidentification.cleaned import EXIF

ORIENTATION = int(ExifTags.Base.Orientation)
ROTATED = range(2, 9)  # 1 is upright
POINTERS = {int(ExifTags.IFD.Exif)}  # the tags that they point to are named instead
EXIF_HEADER = b"Exif\0\0"  # before a block in JPEG and in some WebP files
UNKNOWN_TAG = "EXIF: tag of unknown name"


def orientation_block(orientation: int) -> bytes:
    """Return an EXIF block with only an orientation: a big-endian TIFF directory of one entry (EXIF 2.32, 4.5)."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


OWN_BLOCKS = {orientation_block(orientation) for orientation in ROTATED}


def read_orientation(info: dict[str, Any]) -> tuple[int, set[str]]:
    """Read the orientation from EXIF and XMP with Pillow's own code, so that it is the one that the worker sees.

    Pillow reads no more tag data than the block has bytes, so a hostile block costs no memory.

    Args:
        info: the entries that Pillow would have in ``Image.info``: ``exif``, ``xmp``, ``XML:com.adobe.xmp`` or
            ``Raw profile type exif``.

    Returns:
        the orientation, 1 to 8, and the names of the other tags in the EXIF block.
    """
    if not info:
        return 1, set()
    picture = Image.new("1", (1, 1))
    picture.info.update(info)
    with suppress_parser_warnings():
        try:
            found = picture.getexif()
            orientation = found.get(ORIENTATION, 1)
            names = _tag_names(found)
        except Exception:  # Pillow raises errors of many types for a damaged block
            orientation, names = 1, set()
    orientation = orientation if isinstance(orientation, int) and orientation in ROTATED else 1
    return orientation, names


def _tag_names(found: Image.Exif) -> set[str]:
    inner = found.get_ifd(ExifTags.IFD.Exif) if ExifTags.IFD.Exif in found else {}
    tags = (set(found.keys()) | set(inner)) - POINTERS - {ORIENTATION}
    return {f"EXIF: {ExifTags.TAGS[tag]}" if tag in ExifTags.TAGS else UNKNOWN_TAG for tag in tags}


def block_name(body: bytes) -> str:
    """Return the name of an EXIF block as a whole; empty for one made by :func:`orientation_block`."""
    return "" if body.removeprefix(EXIF_HEADER) in OWN_BLOCKS else EXIF
