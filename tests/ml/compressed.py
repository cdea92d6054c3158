"""DICOM films in every transfer syntax that can be written here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import encapsulate

from tests.ml.helpers import dicom_with

Encoder = Callable[[NDArray[Any], int], bytes]


def _jpeg(pixels: NDArray[Any], bits: int, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg_encode(pixels, bitspersample=bits, **options))


def _jpeg_ls(pixels: NDArray[Any], bits: int, error: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(pixels, level=error))


def _jpeg_2000(pixels: NDArray[Any], bits: int, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options))


ENCODERS: dict[str, Encoder] = {
    uid.JPEGLossless: partial(_jpeg, lossless=True, predictor=4),
    uid.JPEGLosslessSV1: partial(_jpeg, lossless=True, predictor=1),
    uid.JPEGExtended12Bit: partial(_jpeg, level=95),
    uid.JPEGLSLossless: partial(_jpeg_ls, error=0),
    uid.JPEGLSNearLossless: partial(_jpeg_ls, error=2),
    uid.JPEG2000Lossless: partial(_jpeg_2000, reversible=True),
    uid.JPEG2000: partial(_jpeg_2000, level=50),
}
COMPRESSED = (*ENCODERS, uid.RLELossless)  # every transfer syntax that :func:`compressed` writes
LOSSLESS = (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless)


def explicit(pixels: NDArray[Any], bits: int = 12, **values: Any) -> bytes:
    """An uncompressed film; one or two bytes a pixel by the array's type."""
    size = 8 * pixels.dtype.itemsize
    depth = {"BitsAllocated": size, "BitsStored": bits, "HighBit": bits - 1}
    window = {"WindowCenter": 1 << (bits - 1), "WindowWidth": 1 << bits}
    return dicom_with(pixels, **depth, **window, **values)


def compressed(pixels: NDArray[Any], syntax: str, bits: int = 12, **values: Any) -> bytes:
    """The same film in another transfer syntax."""
    dataset = pydicom.dcmread(BytesIO(explicit(pixels, bits, **values)))
    if syntax == uid.RLELossless:
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
    else:
        put_frame(dataset, ENCODERS[syntax](pixels, bits))
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    return written(dataset)


def put_frame(dataset: pydicom.Dataset, frame: bytes) -> None:
    """Make an encoded frame the pixels of a film."""
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def written(dataset: pydicom.Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def noisy(pixels: NDArray[np.uint8], bits: int = 12) -> NDArray[np.uint16]:
    """An 8-bit film with as many bits as a detector gives, noise in the lowest."""
    fill = np.random.default_rng(0).integers(0, 1 << (bits - 8), pixels.shape)
    return ((pixels.astype(np.uint16) << (bits - 8)) + fill).astype(np.uint16)
