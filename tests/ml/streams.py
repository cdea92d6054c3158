"""DICOM films whose pixels are wrapped in other ways than their header says."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from tests.ml.compressed import ENCODERS, compressed, explicit

PIXEL_DATA = b"\xe0\x7f\x10\x00"
ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
JPEG_XL = "1.2.840.10008.1.2.4.110"


def item(data: bytes) -> bytes:
    """A fragment, padded to an even length."""
    data += bytes(len(data) % 2)
    return ITEM + struct.pack("<I", len(data)) + data


def with_value(
    film: bytes,
    value: bytes,
    *,
    label: str,
    open_ended: bool,
    tail: bytes = b"",
    implicit: bool = False,
    **values: Any,
) -> bytes:
    """A film with another value of Pixel Data, written byte by byte, and any label."""
    dataset = pydicom.dcmread(BytesIO(film))
    del dataset.PixelData
    for keyword, number in values.items():
        if number is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, number)
    head = DicomBytesIO()
    head.is_implicit_VR, head.is_little_endian = implicit, True
    write_dataset(head, pydicom.Dataset(dict(dataset)))
    length = b"\xff\xff\xff\xff" if open_ended else struct.pack("<I", len(value))
    element = PIXEL_DATA + (b"" if implicit else b"OB\0\0" if open_ended else b"OW\0\0") + length + value
    code = label.encode() + bytes(len(label) % 2)
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(code)) + code
    return bytes(128) + b"DICM" + meta + head.getvalue() + element + (DELIMITER if open_ended else b"") + tail


def encapsulated(
    film: bytes,
    fragments: Sequence[bytes],
    label: str,
    table: bytes = b"",
    tail: bytes = b"",
    **values: Any,
) -> bytes:
    """A film of these fragments."""
    value = b"".join(map(item, (table, *fragments)))
    return with_value(film, value, label=label, open_ended=True, tail=tail, **values)


def frame_of(pixels: NDArray[Any], syntax: str, bits: int) -> bytes:
    """The film's frame, compressed."""
    if syntax in ENCODERS:
        return ENCODERS[syntax](pixels, bits)
    dataset = pydicom.dcmread(BytesIO(compressed(pixels, syntax, bits)))
    return bytes(get_frame(dataset.PixelData, 0, number_of_frames=1))


def progressive(pixels: NDArray[np.uint8]) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", progressive=True, quality=95)
    return out.getvalue()


def baseline(pixels: NDArray[np.uint8]) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def jp2(pixels: NDArray[Any], bits: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", bitspersample=bits, reversible=True))


def jpeg_xl(pixels: NDArray[Any], bits: int) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))


def high_throughput(pixels: NDArray[Any], bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(pixels, reversible=True))


def native(pixels: NDArray[Any], bits: int, label: str, **values: Any) -> bytes:
    return with_value(explicit(pixels, bits), pixels.tobytes(), label=label, open_ended=False, **values)


NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
