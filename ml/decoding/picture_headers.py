"""Size and number of pictures in a PNG, JPEG, TIFF or WebP file, and refusal of kinds that are not read."""

from __future__ import annotations

import struct
from typing import NamedTuple

from PIL import UnidentifiedImageError

from ml import codes
from ml.decoding.bounded_reader import HEADER_READS
from ml.decoding.deep_pictures import is_deep, refuse_unread_jpeg, tiff_orientation
from ml.decoding.further_pictures import count_pictures
from ml.decoding.jpeg_segments import EXIF_HEAD, read_jpeg_frame
from ml.decoding.orientation import SIDEWAYS, UPRIGHT, find_orientation, read_orientation
from ml.decoding.raster import open_picture
from ml.decoding.signatures import PNG_MAGIC
from ml.decoding.tiff import find_film
from ml.decoding.tiff_layout import is_read_by_pillow, refuse_hostile_sizes, refuse_unread, unread_layout
from ml.errors import FilmError

CHUNK_OVERHEAD = 12  # bytes of a PNG chunk besides its body: length, type, checksum


class PictureProperties(NamedTuple):
    """Width and height in pixels when upright, and the number of pictures of full size."""

    width: int
    height: int
    frames: int


def read_picture_properties(data: bytes, kind: str) -> PictureProperties:
    """Read the header of a picture.

    Args:
        data: the file's bytes.
        kind: one of :data:`ml.decoding.raster.KINDS`.

    Raises:
        FilmError: ``unsupported_kind``, ``unsupported_compression``, ``unsupported_layout`` or ``one_bit``.
        Exception: any exception that a parser raises for a damaged file.
    """
    if kind == "jpeg":
        return _read_jpeg(data)
    if kind == "tiff":
        return _read_tiff(data)
    with open_picture(data, kind) as picture:
        if picture.mode == "1":
            raise FilmError(codes.ONE_BIT)
        orientation = read_orientation(picture)
        if kind == "png" and orientation == UPRIGHT:
            orientation = _find_late_orientation(data)
        return _upright(picture.size, orientation, int(getattr(picture, "n_frames", 1)))


def _upright(size: tuple[int, int], orientation: int, frames: int) -> PictureProperties:
    width, height = size
    return PictureProperties(*((height, width) if orientation in SIDEWAYS else (width, height)), frames)


def _find_late_orientation(data: bytes) -> int:
    """Return the orientation in EXIF behind the pixels of a PNG, which Pillow finds only after decoding them."""
    at, orientation = len(PNG_MAGIC), UPRIGHT
    for _ in range(HEADER_READS):
        length, kind = struct.unpack(">I4s", data[at : at + 8].ljust(8, b"\0"))
        if kind == b"eXIf":
            orientation = find_orientation({"exif": EXIF_HEAD + data[at + 8 : at + 8 + length]})
        at += length + CHUNK_OVERHEAD
        if kind == b"IEND" or at >= len(data):
            break
    return orientation


def _read_jpeg(data: bytes) -> PictureProperties:
    frame = read_jpeg_frame(data)
    if frame is None:
        raise ValueError("the stream has no frame header")
    refuse_unread_jpeg(frame)
    frames, _ = count_pictures(data, frame)
    if not is_deep(frame):
        with open_picture(data, "jpeg") as picture:
            return _upright(picture.size, read_orientation(picture), frames)
    if not frame.width or not frame.height:
        raise ValueError("the frame header has no size")
    return _upright((frame.width, frame.height), find_orientation(frame.info), frames)


def _read_tiff(data: bytes) -> PictureProperties:
    film = find_film(data)
    directory = film.directory
    refuse_unread(directory)
    refuse_hostile_sizes(directory)
    if not is_read_by_pillow(directory):
        return _upright(directory.size, tiff_orientation(directory), film.pictures)
    try:
        with open_picture(data, "tiff") as picture:
            # Not the size in Pillow, which exchanges width and height by the tag itself, but not by XMP.
            return _upright(directory.size, read_orientation(picture), film.pictures)
    except UnidentifiedImageError as error:
        raise unread_layout(directory) from error
