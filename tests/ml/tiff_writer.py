"""TIFF files of any layout (TIFF 6.0, its technical notes, BigTIFF), which no library here writes."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

NONE, LZW, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32773, 34925, 50000
COMPRESSORS: dict[int, Callable[[bytes], bytes]] = {
    NONE: bytes,
    LZW: lambda data: bytes(imagecodecs.lzw_encode(data)),
    DEFLATE: zlib.compress,
    PACKBITS: lambda data: bytes(imagecodecs.packbits_encode(data)),
    LZMA: lzma.compress,
    ZSTD: lambda data: bytes(imagecodecs.zstd_encode(data)),
}
FORMATS = {"u": 1, "i": 2, "f": 3}
SUBFILE_TYPE, CHILDREN = 254, 330


@dataclass(frozen=True)
class Page:
    """A picture of a TIFF file.

    Attributes:
        pixels: [H, W] or [H, W, samples].
        bits: per sample; 0 for those of the array's type.
        photometric: 0 white is zero, 1 black is zero, 2 RGB.
        compression: a key of ``COMPRESSORS``; any other number is written without compressing.
        predictor: 2 for differences, 3 for those of floating-point bytes.
        tile: side of a tile, 0 for strips.
        planar: whether each sample has a plane of its own.
        tags: more entries of one SHORT.
        children: pictures of its SubIFDs.
        encoder: makes the bytes of a strip or tile; else ``compression`` says which does.
    """

    pixels: NDArray[Any]
    bits: int = 0
    photometric: int = 1
    compression: int = NONE
    predictor: int = 1
    tile: int = 0
    planar: bool = False
    tags: dict[int, int] = field(default_factory=dict)
    children: Sequence[Page] = ()
    encoder: Callable[[NDArray[Any]], bytes] | None = None


def write_tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """A file of these pages, in the byte order ``<`` or ``>``."""
    writer = _Writer(order, big)
    directories = [writer.directory(page) for page in pages]
    return writer.finish(directories)


class _Writer:
    def __init__(self, order: str, big: bool) -> None:
        self.order, self.big = order, big
        self.offset, self.long = ("Q", 16) if big else ("I", 4)
        self.inline = 8 if big else 4
        mark = b"II" if order == "<" else b"MM"
        head = self.pack("HHHQ", 43, 8, 0, 0) if big else self.pack("HI", 42, 0)
        self.data = bytearray(mark + head)

    def pack(self, letters: str, *values: Any) -> bytes:
        return struct.pack(self.order + letters, *values)

    def append(self, block: bytes) -> int:
        self.data += b"\0" * (len(self.data) % 2)
        at = len(self.data)
        self.data += block
        return at

    def directory(self, page: Page) -> tuple[int, int]:
        """Append a page; its offset, and where the offset of the next one has to be written."""
        height, width = page.pixels.shape[:2]
        samples = page.pixels.shape[2] if page.pixels.ndim == 3 else 1
        children = [self.directory(child)[0] for child in page.children]
        blocks = [self.encode(block, page) for block in _blocks(page)]
        offsets = [self.append(block) for block in blocks]
        bits = page.bits or 8 * page.pixels.dtype.itemsize
        values: dict[int, tuple[int, str, Sequence[int]]] = {
            256: (4, "I", [width]),
            257: (4, "I", [height]),
            258: (3, "H", [bits] * samples),
            259: (3, "H", [page.compression]),
            262: (3, "H", [page.photometric]),
            277: (3, "H", [samples]),
            284: (3, "H", [2 if page.planar else 1]),
            317: (3, "H", [page.predictor]),
            339: (3, "H", [FORMATS[page.pixels.dtype.kind]] * samples),
        }
        places = {324: offsets, 325: [len(block) for block in blocks]} if page.tile else {}
        places = places or {273: offsets, 279: [len(block) for block in blocks]}
        values |= {tag: (self.long, self.offset, numbers) for tag, numbers in places.items()}
        sides = {322: page.tile, 323: page.tile} if page.tile else {278: _rows(page)}
        values |= {tag: (4, "I", [side]) for tag, side in sides.items()}
        values |= {tag: (3, "H", [number]) for tag, number in page.tags.items()}
        if children:
            values[CHILDREN] = self.long, self.offset, children
        entries = b"".join(self.entry(tag, *value) for tag, value in sorted(values.items()))
        at = self.append(self.pack("Q" if self.big else "H", len(values)) + entries)
        return at, self.append(bytes(self.inline))

    def entry(self, tag: int, kind: int, letter: str, numbers: Sequence[int]) -> bytes:
        value = self.pack(f"{len(numbers)}{letter}", *numbers)
        if len(value) > self.inline:
            value = self.pack(self.offset, self.append(value))
        return self.pack("HH" + self.offset, tag, kind, len(numbers)) + value.ljust(self.inline, b"\0")

    def encode(self, block: NDArray[Any], page: Page) -> bytes:
        if page.encoder:
            return page.encoder(block)
        if page.predictor == 2:
            block = np.diff(block, axis=1, prepend=block.dtype.type(0))
        if page.predictor == 3:
            octets = (
                block.astype(block.dtype.newbyteorder(">")).view(np.uint8).reshape(len(block), -1, block.itemsize)
            )
            rows = octets.transpose(0, 2, 1).reshape(len(block), -1)
            packed = np.diff(rows, axis=1, prepend=np.uint8(0)).astype(np.uint8).tobytes()
        elif page.bits and page.bits % 8:
            packed = _pack_bits(block, page.bits)
        else:
            packed = block.astype(block.dtype.newbyteorder("<" if self.order == "<" else ">")).tobytes()
        return COMPRESSORS.get(page.compression, bytes)(packed)

    def finish(self, directories: list[tuple[int, int]]) -> bytes:
        where = [self.inline, *(following for _, following in directories)]
        for place, (at, _) in zip(where, directories, strict=False):
            struct.pack_into(self.order + self.offset, self.data, place, at)
        return bytes(self.data)


def _rows(page: Page) -> int:
    return max(1, len(page.pixels) // 3)


def _blocks(page: Page) -> Iterator[NDArray[Any]]:
    """Strips or tiles [rows, columns] or [rows, columns, samples], plane by plane."""
    pixels = page.pixels
    planes = [pixels[..., sample] for sample in range(pixels.shape[2])] if page.planar else [pixels]
    for plane in planes:
        height, width = plane.shape[:2]
        if not page.tile:
            yield from (plane[top : top + _rows(page)] for top in range(0, height, _rows(page)))
            continue
        room = [(0, -side % page.tile) for side in (height, width)] + [(0, 0)] * (plane.ndim - 2)
        padded = np.pad(plane, room)
        for top in range(0, height, page.tile):
            for left in range(0, width, page.tile):
                yield padded[top : top + page.tile, left : left + page.tile]


def _pack_bits(block: NDArray[Any], bits: int) -> bytes:
    """Rows of values of any number of bits, each padded to whole bytes (TIFF 6.0, section 8)."""
    values = block.reshape(len(block), -1, 1).astype(np.int64)
    spread = (values >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(block), -1).astype(np.uint8), axis=1).tobytes()
