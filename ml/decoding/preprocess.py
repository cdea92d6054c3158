"""Preprocessing, from a film's bytes to a network's input, the same for training, evaluation and serving.

Two steps, so that the picture for people and the input of the network come from the same decoded film: ``decode``
returns an upright 8-bit grey working picture, ``to_input`` converts it for one network. A change to either that can
change a score must raise ``PREPROCESSING_VERSION``; a bundle names the version it was trained with and is refused by
any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ml.arrays import Float32Array
from ml.codes import BLANK_FILM, DAMAGED_PIXELS
from ml.decoding.bounded_reader import suppress_parser_warnings
from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.grey_levels import Grey
from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.pixel_shape import square_size
from ml.decoding.raster import decode_picture
from ml.errors import FilmError, NoteCode

__all__ = [
    "PREPROCESSING_VERSION",
    "WORKING_SIDE",
    "Grey",
    "InputSpec",
    "WorkingPicture",
    "decode",
    "load",
    "to_input",
]

PREPROCESSING_VERSION = "grey8-1"
# Pixels; the longer side of the working picture is at most this. A film is enlarged only along one side, to square
# pixels.
WORKING_SIDE = 1024


@dataclass(frozen=True)
class InputSpec:
    """Input format of a network.

    Attributes:
        height: rows in pixels.
        width: columns in pixels.
        channels: 1, or 3 for networks that need the grey picture three times.
        kind: ``stretch``, see :func:`to_input`, or ``lungs``, see :func:`ml.inference.lung_crop.to_lung_input`.
    """

    height: int
    width: int
    channels: int
    kind: str = "stretch"


@dataclass(frozen=True)
class WorkingPicture:
    """A film, decoded.

    Attributes:
        pixels: uint8 [H, W], longer side at most ``WORKING_SIDE``, square pixels, bright meaning dense (MONOCHROME2).
        notes: what was put right.
    """

    pixels: Grey
    notes: tuple[NoteCode, ...] = ()


def load(data: bytes, max_pixels: int = MAX_PIXELS) -> WorkingPicture:
    """Check a film by its header, then decode it. Every film is decoded this way.

    Args:
        data: the file's bytes.
        max_pixels: the largest number of pixels that a film may have.

    Raises:
        FilmError: as :func:`ml.decoding.headers.read_header`, :func:`ml.decoding.headers.refuse_unfit` and
            :func:`decode`.
    """
    header = read_header(data, max_pixels)
    refuse_unfit(header, max_pixels)
    return decode(data, header.kind, max_pixels)


def decode(data: bytes, kind: str, max_pixels: int = MAX_PIXELS) -> WorkingPicture:
    """Decode a film to its working picture.

    Args:
        data: the file's bytes.
        kind: one of those that :func:`ml.decoding.signatures.detect_kind` returns for a film.
        max_pixels: the largest number of pixels that a film may have; it limits the size of an inflated data set.

    Raises:
        FilmError: ``damaged_pixels``, ``too_large_unpacked`` or ``blank_film``.
    """
    try:
        with suppress_parser_warnings():
            picture, notes = _read_picture(data, kind, max_pixels)
    except (FilmError, MemoryError):  # memory may be short for other reasons than the film, and only for now
        raise
    except Exception as error:  # a decoder may raise any exception for a damaged file
        raise FilmError(DAMAGED_PIXELS) from error
    pixels = np.asarray(picture, dtype=np.uint8)
    if pixels.min() == pixels.max():
        raise FilmError(BLANK_FILM)
    return WorkingPicture(pixels, notes)


def to_input(pixels: Grey, spec: InputSpec) -> Float32Array:
    """Resize a working picture to a network's input and scale it to 0..1.

    The aspect ratio is not kept: the network of the original educational project was trained on films stretched to
    squares, so it is served the same way.

    Returns:
        float32 [height, width, channels] in 0..1.
    """
    resized = Image.fromarray(pixels).resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    grey = np.asarray(resized, dtype=np.float32) / 255.0
    return np.repeat(grey[..., None], spec.channels, axis=-1)


def _read_picture(data: bytes, kind: str, max_pixels: int) -> tuple[Image.Image, tuple[NoteCode, ...]]:
    """Decode at full size, or at the smaller size that the working picture needs; then shrink."""
    if kind == "dicom":
        film = decode_dicom(data, max_pixels)
        return _shrink(Image.fromarray(film.grey), film.shape.aspect), film.notes
    return _shrink(decode_picture(data, kind, WORKING_SIDE)), ()


def _shrink(picture: Image.Image, aspect: float = 1.0) -> Image.Image:
    """Shrink a picture to the working size, and stretch it to square pixels in the same step."""
    if aspect == 1.0:
        picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return picture
    size = square_size(picture.width, picture.height, aspect)
    factor = min(1.0, WORKING_SIDE / max(size))
    width, height = (max(1, round(side * factor)) for side in size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
