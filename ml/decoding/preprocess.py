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
from ml.decoding.raster import decode_picture
from ml.errors import FilmError

__all__ = ["PREPROCESSING_VERSION", "WORKING_SIDE", "Grey", "InputSpec", "decode", "load", "to_input"]

PREPROCESSING_VERSION = "grey8-1"
WORKING_SIDE = 1024  # pixels; the longer side of the working picture is at most this. Films are never enlarged.


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


def load(data: bytes, max_pixels: int = MAX_PIXELS) -> Grey:
    """Check a film by its header, then decode it. Every film is decoded this way.

    Args:
        data: the file's bytes.
        max_pixels: the largest number of pixels that a film may have.

    Returns:
        The working picture, see :func:`decode`.

    Raises:
        FilmError: as :func:`ml.decoding.headers.read_header`, :func:`ml.decoding.headers.refuse_unfit` and
            :func:`decode`.
    """
    header = read_header(data, max_pixels)
    refuse_unfit(header, max_pixels)
    return decode(data, header.kind, max_pixels)


def decode(data: bytes, kind: str, max_pixels: int = MAX_PIXELS) -> Grey:
    """Decode a film to its working picture.

    Args:
        data: the file's bytes.
        kind: one of those that :func:`ml.decoding.signatures.detect_kind` returns for a film.
        max_pixels: the largest number of pixels that a film may have; it limits the size of an inflated data set.

    Returns:
        uint8 [H, W], longer side at most ``WORKING_SIDE``, bright meaning dense (MONOCHROME2).

    Raises:
        FilmError: ``damaged_pixels``, ``too_large_unpacked`` or ``blank_film``.
    """
    try:
        with suppress_parser_warnings():
            picture = _shrink(_full(data, kind, max_pixels))
    except (FilmError, MemoryError):  # memory may be short for other reasons than the film, and only for now
        raise
    except Exception as error:  # a decoder may raise any exception for a damaged file
        raise FilmError(DAMAGED_PIXELS) from error
    pixels = np.asarray(picture, dtype=np.uint8)
    if pixels.min() == pixels.max():
        raise FilmError(BLANK_FILM)
    return pixels


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


def _full(data: bytes, kind: str, max_pixels: int) -> Image.Image:
    """Decode at full size, or at the smaller size that the working picture needs."""
    if kind == "dicom":
        return Image.fromarray(decode_dicom(data, max_pixels))
    return decode_picture(data, kind, WORKING_SIDE)


def _shrink(picture: Image.Image) -> Image.Image:
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture
