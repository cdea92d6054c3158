"""JPEG files of coding processes and contents that Pillow does not write."""

from __future__ import annotations

import base64
import struct
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# 80 × 72 pixels of (8 * row + 7 * column) // 5 % 256, quality 60, by jpegtran: sequential and progressive with
# arithmetic coding. No library here writes these.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO"
    "UlNSMj5aYVpQYEpRUk//yQALCABIAFABAREA/8wABgAQEAX/2gAIAQEAAD8A/wC1oVh5eIGpoJ8HuLCg9NEPZhbWRypiWEz717AI"
    "t9BwyFh8uKyY6eLBGr7sh5XGg4Xct79aareSOmPfQlPaG45tYsZ7YEgLzpSlKeUjtjsYxjDY/9k="
)
ARITHMETIC_PROGRESSIVE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO"
    "UlNSMj5aYVpQYEpRUk//ygALCABIAFABAREA/8wABAAQ/9oACAEBAAAAAf8AbKWm707EFMUrPpiul9K2yCZu35opppvuQrjzcAam"
    "UlfA/8wABBAF/9oACAEBAAEFAqj/zAAEEAX/2gAIAQEABj8CqP/MAAQQBf/aAAgBAQABPyEAgTMq9t5T/QbGHdKlxTop0U6KdFOi"
    "nRTop0U6KdFOiv/aAAgBAQAAABDEGa3ved93XK+lyUD/zAAEEAX/2gAIAQEAAT8Q6Xn/2Q=="
)
BASELINE, FULL, PREVIEW, PART = 0x030000, 0x000000, 0x010001, 0x020003  # kinds of pictures in CIPA DC-007


INDEX_SIZE = 50  # bytes of Pillow's index before its entries


def deep(pixels: NDArray[Any], bits: int, **options: Any) -> bytes:
    """A JPEG of any number of bits; ``lossless=True`` and ``predictor`` choose the lossless process."""
    return bytes(imagecodecs.jpeg8_encode(pixels, bitspersample=bits, **options))


def with_exif(data: bytes, orientation: int) -> bytes:
    """A JPEG with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def with_process(data: bytes, process: int) -> bytes:
    """A JPEG that claims another coding process in its frame header."""
    at = next(data.index(bytes([0xFF, code])) for code in (0xC0, 0xC1, 0xC3) if bytes([0xFF, code]) in data)
    return data[: at + 1] + bytes([process]) + data[at + 2 :]


def several(*pictures: NDArray[np.uint8], kinds: tuple[int, ...] = ()) -> bytes:
    """A Multi-Picture file as cameras write it; kinds are those of the entries of its index."""
    out = BytesIO()
    first, *others = (Image.fromarray(pixels) for pixels in pictures)
    first.save(out, "MPO", save_all=True, append_images=others, quality=95)
    data = bytearray(out.getvalue())
    kinds = kinds or (BASELINE, *[FULL] * len(others))
    index = data.index(b"MPF\0") + 4
    entries = index + INDEX_SIZE
    assert struct.unpack_from("<L", data, entries) == (BASELINE,)
    for number, kind in enumerate(kinds):
        struct.pack_into("<L", data, entries + 16 * number, kind)
    return bytes(data)
