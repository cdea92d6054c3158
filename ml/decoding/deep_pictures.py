"""Pictures that Pillow does not decode, or decodes wrongly: deep and lossless JPEG, and some layouts of TIFF.

imagecodecs decodes them (libjpeg-turbo, ITU-T T.81; libtiff). JPEG is decoded into an array of the size that was
checked by the header, so that another size in the stream costs no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import codes
from ml.decoding.grey_levels import to_luma
from ml.decoding.jpeg_segments import (
    ARITHMETIC_DCT,
    HIERARCHICAL,
    JPEG_LS,
    LOSSLESS,
    LOSSLESS_ARITHMETIC,
    JpegFrame,
    read_jpeg_frame,
)
from ml.decoding.orientation import ORIENTATION, ROTATED, UPRIGHT, find_orientation, turn_upright
from ml.decoding.tiff import BLACK_IS_ZERO, PHOTOMETRIC, WHITE_IS_ZERO, TiffDirectory, find_film
from ml.decoding.tiff_layout import is_read_by_pillow
from ml.errors import FilmError

XMP = 700  # tag of TIFF
BYTE = 8
PROGRESSIVE_DCT, BLOCK = 0xC2, 8  # frame header; side of a block in pixels
JPEG_END = b"\xff\xd9"
DCT_BITS, LOSSLESS_BITS = (BYTE, 12), range(2, 17)
SIGN = np.uint8(0x80)
COLOURS = 3
SAVE_PICTURE = "save the film as PNG, or as JPEG with 8 bits"
EXPORT_AGAIN = "save the film as DICOM, PNG, JPEG, TIFF or WebP and send that"


@dataclass(frozen=True)
class DeepPicture:
    """A decoded picture, upright.

    Attributes:
        values: [H, W]; uint8 values are grey levels as they are, all others have a range of their own.
        bits: per pixel, of the file.
        inverted: whether the largest value is black; never for uint8.
    """

    values: NDArray[Any]
    bits: int
    inverted: bool = False


def refuse_unread_jpeg(frame: JpegFrame) -> None:
    """Refuse a coding process of JPEG that no library here reads.

    Raises:
        FilmError: ``unsupported_kind`` for JPEG-LS, ``unsupported_compression`` or ``unsupported_layout``.
    """
    if frame.process == JPEG_LS:
        raise FilmError(codes.KNOWN_BUT_NOT_READ, name="a JPEG-LS picture outside DICOM", advice=EXPORT_AGAIN)
    if name := _unread_process(frame):
        raise FilmError(codes.UNSUPPORTED_COMPRESSION, kind="JPEG", name=name, advice=SAVE_PICTURE)
    bits = LOSSLESS_BITS if frame.process == LOSSLESS else DCT_BITS
    if frame.bits not in bits or (is_deep(frame) and frame.samples not in (1, COLOURS)):
        raise _unread_layout(frame)


def _unread_process(frame: JpegFrame) -> str:
    """Return the name of a coding process that is not read, or an empty string."""
    if frame.process in HIERARCHICAL:
        return "hierarchical JPEG"
    if frame.process == LOSSLESS_ARITHMETIC:
        return "lossless JPEG with arithmetic coding"
    if frame.process in ARITHMETIC_DCT and frame.bits != BYTE:
        return f"{frame.bits}-bit JPEG with arithmetic coding"
    return ""


def is_deep(frame: JpegFrame) -> bool:
    """Return whether a JPEG is decoded here and not by Pillow."""
    return frame.process == LOSSLESS or frame.bits != BYTE


def decode_deep(data: bytes, kind: str) -> DeepPicture | None:
    """Decode a picture that is left to this module.

    Args:
        data: the file's bytes; :func:`ml.decoding.headers.read_header` let it in.
        kind: one of :data:`ml.decoding.raster.KINDS`.

    Returns:
        the picture, or ``None`` if Pillow decodes it.

    Raises:
        Exception: any exception that a decoder raises for a damaged file.
    """
    if kind == "jpeg":
        frame = read_jpeg_frame(data)
        return _decode_jpeg(data, frame) if frame and is_deep(frame) else None
    if kind == "tiff":
        directory = find_film(data).directory
        return None if is_read_by_pillow(directory) else _decode_tiff(directory)
    return None


def tiff_orientation(directory: TiffDirectory) -> int:
    """Return the orientation, 1 to 8, that a TIFF directory gives, or else its XMP, as in Pillow."""
    if ORIENTATION not in directory.entries:
        return find_orientation({"xmp": directory.octets(XMP)})
    orientation = directory.number(ORIENTATION, UPRIGHT)
    return orientation if orientation in ROTATED else UPRIGHT


def _unread_layout(frame: JpegFrame) -> FilmError:
    what = f"{frame.samples} sample{'s' * (frame.samples != 1)} per pixel of {frame.bits} bits"
    return FilmError(codes.UNSUPPORTED_LAYOUT, kind="JPEG", what=what)


def _decode_jpeg(data: bytes, frame: JpegFrame) -> DeepPicture:
    from imagecodecs import jpeg8_decode  # here: it is slow to load, and few films need it

    end = data.find(JPEG_END, frame.scan)
    if end < 0:  # libjpeg would fill the rest with grey
        raise ValueError("the picture has no end of image marker; it is cut short")
    if BYTE * (end - frame.scan) < _least_bits(frame):
        raise ValueError("the picture has fewer bits than pixels need; it is cut short")
    stream = data[: end + len(JPEG_END)]
    dtype = np.uint8 if frame.bits <= BYTE else np.uint16
    if frame.samples == 1:
        values = jpeg8_decode(stream, out=np.empty((frame.height, frame.width), dtype))
    elif frame.process != LOSSLESS:
        values = jpeg8_decode(stream, outcolorspace="GRAYSCALE", out=np.empty((frame.height, frame.width), dtype))
    else:  # of lossless samples libjpeg converts none
        colours = np.empty((frame.height, frame.width, COLOURS), dtype)
        jpeg8_decode(stream, colorspace="RGB", outcolorspace="RGB", out=colours)
        values = colours[..., 0] if frame.is_ycc else to_luma(colours, colours.dtype)
    if frame.bits < BYTE or (frame.samples > 1 and frame.bits != BYTE):
        values = _to_bytes(values, frame.bits)
    return DeepPicture(turn_upright(values, find_orientation(frame.info)), frame.bits)


def _least_bits(frame: JpegFrame) -> int:
    """Return how many bits any scan of the picture has at least: one per sample, or per block of a sequential DCT."""
    if frame.process == LOSSLESS:
        return frame.height * frame.width * frame.samples
    return 0 if frame.process == PROGRESSIVE_DCT else frame.height * frame.width // (BLOCK * BLOCK)


def _decode_tiff(directory: TiffDirectory) -> DeepPicture:
    from imagecodecs import tiff_decode

    values = tiff_decode(directory.as_first())
    width, height = directory.size
    if values.ndim == COLOURS:
        if values.shape[0] == COLOURS:  # one plane after the other
            values = np.moveaxis(values, 0, -1)
        if values.dtype.itemsize > 1:  # in colour only the upper eight bits count, as in Pillow
            values = (values >> BYTE).astype(np.uint8)
        values = np.asarray(Image.fromarray(np.ascontiguousarray(values)).convert("L"))
    if values.shape != (height, width):
        raise ValueError(f"the pixels are {values.shape}, not {height} × {width}")
    if values.dtype == np.float16:  # in which NumPy calculates slowly
        values = values.astype(np.float32)
    if values.dtype == np.int8 and values.min() < 0:  # grey levels around 0, which are taken as they are
        values = values.view(np.uint8) ^ SIGN
    if directory.bits < BYTE:
        values = _to_bytes(values, directory.bits)
    values = turn_upright(values, tiff_orientation(directory))
    inverted = directory.number(PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO  # black where the tag is absent
    if values.dtype == np.uint8:
        return DeepPicture(255 - values if inverted else values, directory.bits)
    return DeepPicture(values, directory.bits, inverted)


def _to_bytes(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Spread the whole range of a number of bits over 0..255."""
    levels = np.arange(1 << bits, dtype=np.float64) * (255 / ((1 << bits) - 1))
    return np.asarray(levels.round().astype(np.uint8)[values])
