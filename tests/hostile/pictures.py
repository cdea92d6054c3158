"""Pictures that mean harm: small files that declare or unpack to very much, and files that are two things at once."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes, tiff_bytes, webp_bytes
from tests.ml.jpegs import deep
from tests.ml.tiff_writer import DEFLATE, Page, write_tiff

PNG = b"\x89PNG\r\n\x1a\n"
FILM = PhantomSpec(height=200, width=180, seed=11)


def sound(kind: str, seed: int = 11) -> bytes:
    """A valid film of a kind; phantoms of different seeds differ."""
    makers = {"png": png_bytes, "jpeg": jpeg_bytes, "dicom": dicom_bytes, "tiff": tiff_bytes, "webp": webp_bytes}
    return makers[kind](PhantomSpec(height=200, width=180, seed=seed))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk (W3C PNG 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *, depth: int = 8, colour: int = 0, rows: int | None = None) -> bytes:
    """A black PNG that packs to a thousandth; with fewer rows than declared it is cut short."""
    samples = {0: 1, 2: 3, 6: 4}[colour]
    line = b"\0" * (1 + width * samples * depth // 8)
    packer = zlib.compressobj(9)
    packed = [packer.compress(line) for _ in range(height if rows is None else rows)]
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", b"".join(packed)) + chunk(b"IEND", b"")


def png_with_text_bomb() -> bytes:
    """A sound film with 256 MB of text packed beside it, and a colour profile of as much."""
    film, much = sound("png"), zlib.compress(b"\0" * (256 << 20), 9)
    at = film.index(b"IDAT") - 4
    return film[:at] + chunk(b"zTXt", b"Comment\0\0" + much) + chunk(b"iCCP", b"icc\0\0" + much) + film[at:]


def jpeg_that_declares(width: int, height: int) -> bytes:
    """A small JPEG whose frame header says otherwise (ITU-T T.81 B.2.2)."""
    film = bytearray(sound("jpeg"))
    frame = next(film.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in film)
    film[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(film)


def jpeg_of_many_scans(scans: int = 400) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    buffer = BytesIO()
    Image.open(BytesIO(sound("jpeg"))).save(buffer, "JPEG", progressive=True)
    film = buffer.getvalue()
    last = film.rindex(b"\xff\xda")
    return film[:last] + film[last:-2] * scans + film[-2:]


def tiff_of_endless_pages() -> bytes:
    """A TIFF whose only directory names itself as the next one (TIFF 6.0, section 2)."""
    film = bytearray(sound("tiff"))
    order = "<" if film[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", film, 4)
    (entries,) = struct.unpack_from(order + "H", film, first)
    struct.pack_into(order + "I", film, first + 2 + 12 * entries, first)
    return bytes(film)


def tiff_bomb() -> bytes:
    """100 megapixels of nothing in a few hundred kilobytes."""
    buffer = BytesIO()
    Image.new("L", (10_000, 10_000)).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


def float_tiff_bomb() -> bytes:
    """100 megapixels of 64 bits, which pack to less than a megabyte."""
    values = np.broadcast_to(np.float64(0), (10_000, 10_000))
    return write_tiff(Page(np.ascontiguousarray(values), compression=DEFLATE))


def tiff_of_pages_of_entries() -> bytes:
    """A film and a thousand pages that follow it, each with as many entries as are read."""
    film = write_tiff(Page(np.asarray(Image.open(BytesIO(sound("tiff"))))))
    entries = b"".join(struct.pack("<HHII", 1_000 + number, 4, 1, 0) for number in range(4_096))
    size = 2 + len(entries) + 4
    pages = (
        struct.pack("<H", 4_096) + entries + struct.pack("<I", len(film) + size * (page + 1)) for page in range(200)
    )
    return film[:-4] + struct.pack("<I", len(film)) + b"".join(pages)


def deep_jpeg_that_declares(height: int, width: int, *, lossless: bool) -> bytes:
    """A small JPEG of 12 or 16 bits whose frame header says otherwise."""
    values = np.add.outer(np.arange(200), np.arange(180)).astype(np.uint16)
    film = bytearray(deep(values, 16 if lossless else 12, lossless=lossless))
    frame = film.index(b"\xff\xc3" if lossless else b"\xff\xc1")
    film[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(film)


def dicom_that_declares(rows: int, columns: int) -> bytes:
    """A small film whose header says it is a large one."""
    dataset = pydicom.dcmread(BytesIO(sound("dicom")))
    dataset.Rows, dataset.Columns = rows, columns
    return _written(dataset)


def dicom_deflated_bomb(megabytes: int = 1024) -> bytes:
    """A deflated film with a private attribute that unpacks to very much."""
    dataset = pydicom.dcmread(BytesIO(sound("dicom")))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole = _written(dataset)
    start = whole.index(zlib_start(whole))
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    much = megabytes << 20
    packed = [packer.compress(plain + struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"OB", 0, much))]
    packed += [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return whole[:start] + b"".join(packed) + packer.flush()


def zlib_start(whole: bytes) -> bytes:
    """The first bytes after the file meta group, whose length it gives itself (PS3.10 7.1)."""
    (length,) = struct.unpack_from("<I", whole, 140)
    return whole[144 + length : 144 + length + 16]


def dicom_rle_that_lies() -> bytes:
    """RLE segments whose offsets lie outside of the frame (PS3.5 annex G.5)."""
    dataset = pydicom.dcmread(BytesIO(sound("dicom")))
    dataset.compress(RLELossless)
    whole = bytearray(_written(dataset))
    at = whole.rindex(b"\xfe\xff\x00\xe0") + 8
    struct.pack_into("<4I", whole, at, 15, 0xFFFFFFF0, 7, 0x80000000)
    return bytes(whole)


def dicom_nested(depth: int = 5_000) -> bytes:
    """Sequences in sequences in sequences, each of undefined length."""
    film = sound("dicom")
    opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = film.index(struct.pack("<HH", 0x0010, 0x0010))
    return film[:at] + opened * depth + film[at:]


def dicom_and_program() -> bytes:
    """A film whose preamble begins as a Windows program does; PS3.10 leaves those 128 bytes to anybody."""
    film = sound("dicom", 21)
    return b"MZ\x90\0<script>alert(1)</script>".ljust(128, b"\0") + film[128:]


def picture_and(kind: str, second: bytes) -> bytes:
    """A sound picture with another file behind its end."""
    return sound(kind, 22) + second


def blank_png_of_100_megapixels() -> bytes:
    """Just under the limit, 16 bits deep and in colour: 600 MB when it is decoded."""
    return png_of(10_000, 10_000, depth=16, colour=2)


def noise_float_tiff() -> bytes:
    """A TIFF of numbers that are none."""
    values = np.full((200, 180), np.nan, dtype=np.float32)
    buffer = BytesIO()
    Image.fromarray(values).save(buffer, "TIFF")
    return buffer.getvalue()


def _written(dataset: pydicom.Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
