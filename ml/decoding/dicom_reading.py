"""Reading of DICOM files: with or without preamble, deflated or not, in bounded time and memory."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset, read_partial, read_preamble
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from ml.codes import TOO_LARGE_UNPACKED
from ml.decoding.bounded_reader import HEADER_READS, READ_BYTES, BoundedReader
from ml.decoding.limits import MAX_PIXELS, unpacked_bytes
from ml.decoding.pixel_attributes import PIXEL_KEYWORDS, read_numbers
from ml.decoding.pixel_data import PALETTE_KEYWORDS, PIXEL_DATA, attach_pixels, find_reading_error
from ml.decoding.pixel_element import find_element
from ml.decoding.signatures import DICOM_MAGIC, DICOM_MAGIC_OFFSET, has_preamble, starts_data_set
from ml.errors import FilmError

# pydicom logs its warnings and quotes values of the header; no log may hold a patient's name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

META_GROUP = 0x0002
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double and integer pixel data
# Functional groups of enhanced multi-frame objects: hundreds of thousands of elements, before the pixels.
FRAME_GROUPS = frozenset({0x52009229, 0x52009230})
HEADER_KEYWORDS = (
    *("SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition"),
    *(*PIXEL_KEYWORDS, *(keyword for keywords in PALETTE_KEYWORDS for keyword in keywords)),
)

HEADER_BYTES = 16_000_000  # of a deflated data set, kept for reading its header
PROBE_BYTES = 4096  # of a data set, enough for its first two elements
INPUT_CHUNK = 1 << 16  # compressed bytes given to zlib at once; it copies those that it leaves
OUTPUT_CHUNK = 1 << 20  # bytes that zlib may return at once

# Directory Record Type (0004,1430) IMAGE in explicit and implicit little and in big endian.
IMAGE_RECORDS = (
    b"\x04\x00\x30\x14CS\x06\x00IMAGE ",
    b"\x04\x00\x30\x14\x06\x00\x00\x00IMAGE ",
    b"\x00\x04\x14\x30CS\x00\x06IMAGE ",
)


@dataclass(frozen=True)
class DicomHeader:
    """A DICOM file up to its pixels.

    Attributes:
        dataset: those of ``HEADER_KEYWORDS`` that the file has.
        has_pixels: whether pixels follow.
        images: how many images a DICOMDIR names, ``None`` for any other file.
        syntax: transfer syntax UID; empty where the file names none.
        error: the reason why its pixels cannot be read, ``None`` where there is none; the header was completed.
    """

    dataset: Dataset
    has_pixels: bool
    images: int | None
    syntax: str = ""
    error: FilmError | None = None


def read_dicom_header(data: bytes, max_pixels: int = MAX_PIXELS) -> DicomHeader:
    """Read a DICOM file up to its pixels; only ``HEADER_KEYWORDS`` are kept.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: any exception that pydicom raises for a damaged file.
    """
    meta, _ = _meta(data)
    if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return DicomHeader(Dataset(), False, sum(data.count(record) for record in IMAGE_RECORDS))
    reached: list[BaseTag] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag in PIXEL_TAGS or tag in FRAME_GROUPS:
            reached.append(tag)
        return bool(reached)

    plain = inflate_file(data, max_pixels, keep=HEADER_BYTES)
    source = BoundedReader(plain, HEADER_READS)
    wanted: list[BaseTag | int] = [Tag(keyword) for keyword in HEADER_KEYWORDS]
    dataset = read_partial(source, at_pixels, force=True, specific_tags=wanted)
    error = None
    if PIXEL_DATA in reached and read_numbers(dataset).get("NumberOfFrames", 1) == 1:
        element = find_element(plain, source.tell(), little=dataset.original_encoding[1] is not False)
        error = find_reading_error(dataset, element, _label(dataset))
    return DicomHeader(dataset, bool(reached), None, str(meta.get("TransferSyntaxUID") or ""), error)


def read_dicom(data: bytes, max_pixels: int = MAX_PIXELS) -> FileDataset:
    """Read a DICOM film with its pixels, still encoded; its header is completed and corrected by them.

    Transfer Syntax UID is that of the pixels, which a file may lack or say wrongly.

    Raises:
        FilmError: ``too_large_unpacked``, ``unsupported_compression`` or ``attribute_missing``.
        Exception: any exception that pydicom raises for a damaged file.
    """
    plain = inflate_file(data, max_pixels)
    source = BoundedReader(plain, HEADER_READS + len(plain) // READ_BYTES)
    dataset = read_partial(source, lambda tag, vr, length: tag == PIXEL_DATA, force=True)
    dataset.file_meta.TransferSyntaxUID = UID(_label(dataset))
    if source.tell() < len(plain):
        attach_pixels(dataset, find_element(plain, source.tell(), little=dataset.original_encoding[1] is not False))
    return dataset


def _label(dataset: FileDataset) -> str:
    """Return the Transfer Syntax UID or, where it is missing, that of an uncompressed data set as it was found."""
    if label := str(dataset.file_meta.get("TransferSyntaxUID") or "").strip(" \0"):
        return label
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return str(ImplicitVRLittleEndian if implicit else explicit)


def inflate_file(data: bytes, max_pixels: int = MAX_PIXELS, keep: int | None = None) -> bytes:
    """Return a deflated file as explicit VR little endian, any other file unchanged.

    Args:
        data: a file's bytes.
        max_pixels: the largest number of pixels that a film may have; it limits the size of the inflated data set.
        keep: how many bytes of the data set to return, from its beginning; by default all.

    Raises:
        FilmError: ``too_large_unpacked``.
        ValueError, zlib.error: when the file is cut short or damaged.
    """
    meta, start = _meta(data)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    is_plain = starts_data_set(data[start : start + PROBE_BYTES])  # deflated by its label alone
    meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    out = DicomBytesIO()
    if has_preamble(data):
        out.write(data[: DICOM_MAGIC_OFFSET + len(DICOM_MAGIC)])
    write_file_meta_info(out, meta, enforce_standard=False)
    max_bytes = unpacked_bytes(max_pixels)
    kept = max_bytes if keep is None else keep
    out.write(memoryview(data)[start : start + kept] if is_plain else inflate(data, start, kept, max_bytes))
    return out.getvalue()


def inflate(data: bytes, start: int, keep: int, max_bytes: int) -> bytes:
    """Inflate raw deflate (RFC 1951, DICOM PS3.5 A.5).

    Args:
        data: a file's bytes.
        start: where the deflated part begins; bytes behind its end are ignored.
        keep: the largest number of bytes to return.
        max_bytes: the largest size of all inflated bytes, those not returned included.

    Raises:
        FilmError: ``too_large_unpacked``.
        ValueError, zlib.error: when the data are cut short or damaged.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    kept, total = BytesIO(), 0
    for at in range(start, len(data), INPUT_CHUNK):
        left = data[at : at + INPUT_CHUNK]
        while left and not engine.eof:
            piece = engine.decompress(left, OUTPUT_CHUNK)
            kept.write(piece[: max(0, keep - total)])
            total += len(piece)
            if total > max_bytes:
                raise FilmError(TOO_LARGE_UNPACKED, max_megabytes=max_bytes // 1_000_000)
            left = engine.unconsumed_tail
        if engine.eof:
            return kept.getvalue()
    raise ValueError("the deflated data set is cut short")


def _meta(data: bytes) -> tuple[FileMetaDataset, int]:
    """Return the File Meta Information, empty if there is none, and the offset of the data set."""
    source = BoundedReader(data, HEADER_READS)
    read_preamble(source, force=True)
    meta = read_dataset(
        source,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != META_GROUP,
    )
    return FileMetaDataset(meta), source.tell()
