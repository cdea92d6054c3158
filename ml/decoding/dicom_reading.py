"""The one way DICOM is read here: with or without preamble, deflated or not, in bounded time and memory."""

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
from ml.decoding.signatures import DICOM_MAGIC, DICOM_MAGIC_OFFSET, has_preamble
from ml.errors import FilmError

# It logs whatever it warns of and quotes the header's values; no log may hold a patient's name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

META_GROUP = 0x0002
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double and integer pixel data
# Functional groups of enhanced multi-frame objects: hundreds of thousands of elements, and pixels follow them.
FRAMES = frozenset({0x52009229, 0x52009230})
HEADER_KEYWORDS = (
    "SOPClassUID",
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "NumberOfFrames",
    "Rows",
    "Columns",
)

HEADER_BYTES = 16_000_000  # of a deflated data set that are kept to read its header from
SLICE = 1 << 16  # compressed bytes handed to zlib at once, which copies what it leaves
PIECE = 1 << 20  # bytes that it may make of them at once

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
        dataset: of ``HEADER_KEYWORDS`` those that the file has.
        has_pixels: whether pixels follow.
        images: how many images a DICOMDIR names, ``None`` for any other file.
    """

    dataset: Dataset
    has_pixels: bool
    images: int | None


def read_dicom_header(data: bytes, max_pixels: int = MAX_PIXELS) -> DicomHeader:
    """Read a DICOM file up to its pixels; only the attributes that decide on a film are kept.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: whatever a damaged file leads pydicom to.
    """
    meta, _ = _meta(data)
    if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return DicomHeader(Dataset(), False, sum(data.count(record) for record in IMAGE_RECORDS))
    reached: list[BaseTag] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag in PIXELS or tag in FRAMES:
            reached.append(tag)
        return bool(reached)

    source = BoundedReader(inflate_file(data, max_pixels, keep=HEADER_BYTES), HEADER_READS)
    wanted: list[BaseTag | int] = [Tag(keyword) for keyword in HEADER_KEYWORDS]
    dataset = read_partial(source, at_pixels, force=True, specific_tags=wanted)
    return DicomHeader(dataset, bool(reached), None)


def read_dicom(data: bytes, max_pixels: int = MAX_PIXELS) -> FileDataset:
    """Read a DICOM file with its pixels, still encoded; its Transfer Syntax UID is set where the file has none.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: whatever a damaged file leads pydicom to.
    """
    plain = inflate_file(data, max_pixels)
    dataset = read_partial(BoundedReader(plain, HEADER_READS + len(plain) // READ_BYTES), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def inflate_file(data: bytes, max_pixels: int = MAX_PIXELS, keep: int | None = None) -> bytes:
    """A deflated file as explicit VR little endian, any other as it is.

    Args:
        data: a file's bytes.
        max_pixels: the most a film may have, from which follows what its data set may become.
        keep: how many bytes of the data set are wanted, from its beginning; by default all.

    Raises:
        FilmError: ``too_large_unpacked``.
        ValueError, zlib.error: where the file is cut short or damaged.
    """
    meta, start = _meta(data)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    out = DicomBytesIO()
    if has_preamble(data):
        out.write(data[: DICOM_MAGIC_OFFSET + len(DICOM_MAGIC)])
    write_file_meta_info(out, meta, enforce_standard=False)
    most = unpacked_bytes(max_pixels)
    out.write(inflate(data, start, most if keep is None else keep, most))
    return out.getvalue()


def inflate(data: bytes, start: int, keep: int, most: int) -> bytes:
    """Inflate raw deflate (RFC 1951), as DICOM PS3.5 A.5 has it; what is not kept is counted all the same.

    Args:
        data: a file's bytes.
        start: where the deflated part begins; what follows its end is left alone.
        keep: bytes to return at most.
        most: bytes that all of it may become.

    Raises:
        FilmError: ``too_large_unpacked``.
        ValueError, zlib.error: where it is cut short or damaged.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    kept, total = BytesIO(), 0
    for at in range(start, len(data), SLICE):
        left = data[at : at + SLICE]
        while left and not engine.eof:
            piece = engine.decompress(left, PIECE)
            kept.write(piece[: max(0, keep - total)])
            total += len(piece)
            if total > most:
                raise FilmError(TOO_LARGE_UNPACKED, max_megabytes=most // 1_000_000)
            left = engine.unconsumed_tail
        if engine.eof:
            return kept.getvalue()
    raise ValueError("the deflated data set is cut short")


def _meta(data: bytes) -> tuple[FileMetaDataset, int]:
    """The File Meta Information, empty where there is none, and where the data set begins."""
    source = BoundedReader(data, HEADER_READS)
    read_preamble(source, force=True)
    meta = read_dataset(
        source,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != META_GROUP,
    )
    return FileMetaDataset(meta), source.tell()
