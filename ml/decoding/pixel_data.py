"""Pixel Data of a film, made ready for the decoders: the right transfer syntax, one frame, a complete header."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from ml import codes
from ml.decoding.codestreams import (
    JP2_START,
    SCANNED_BYTES,
    Codestream,
    unwrap_jp2,
)
from ml.decoding.pixel_attributes import complete_header, name_attribute, native_size, read_numbers, read_photometric
from ml.decoding.pixel_element import (
    ENCAPSULATED_NATIVE,
    NATIVE_LABELS,
    PixelElement,
    PixelStream,
    encapsulate_frame,
    read_pixel_stream,
)
from ml.errors import FilmError, NoteCode
from ml.note_codes import COMPRESSION_CORRECTED, HEADER_CORRECTED

PIXEL_DATA = 0x7FE00010
OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)
PALETTE_KEYWORDS = (  # of each, one must be there
    ("RedPaletteColorLookupTableDescriptor",),
    ("RedPaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData"),
)
BYTE = 8
PACKED_BITS = 12  # Bits Allocated of ACR-NEMA: two pixels in three bytes
ADVICE = "export it uncompressed"


class PreparedPixels(NamedTuple):
    """Identified pixels, and whether the header was corrected by them."""

    stream: PixelStream
    is_corrected: bool


def find_reading_error(dataset: Dataset, element: PixelElement, label: str) -> FilmError | None:
    """Return the reason why pixels cannot be read, by their beginning: compression or a missing attribute.

    Args:
        dataset: with the attributes that describe the pixels; they are completed.
        element: Pixel Data, perhaps only its beginning.
        label: transfer syntax UID.
    """
    try:
        _prepare(dataset, element, label, SCANNED_BYTES)
    except FilmError as error:
        return error
    return None


def attach_pixels(dataset: FileDataset, element: PixelElement) -> None:
    """Add Pixel Data to a data set that was read up to it, and correct its header where it contradicts them.

    Raises:
        FilmError: ``unsupported_compression`` or ``attribute_missing``.
    """
    label = str(dataset.file_meta.TransferSyntaxUID)
    if read_numbers(dataset).get("NumberOfFrames", 1) > 1:  # no film; nothing of it is decoded
        dataset[PIXEL_DATA] = DataElement(PIXEL_DATA, element.vr or "OW", bytes(element.value))
        return
    stream, is_corrected = _prepare(dataset, element, label, None)
    if stream.encoded is not None:
        syntax = _attach_encoded(dataset, stream, stream.encoded)
    else:
        syntax = _attach_native(dataset, element, stream.data, label)
    found = stream.encoded.syntax if stream.encoded is not None else syntax
    is_relabelled = found != label and label != ENCAPSULATED_NATIVE
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    for tag in OFFSET_TABLES:
        dataset.pop(tag, None)
    notes = ((COMPRESSION_CORRECTED, is_relabelled), (HEADER_CORRECTED, is_corrected))
    dataset.reading_notes = tuple(note for note, applies in notes if applies)


def reading_notes(dataset: Dataset) -> tuple[NoteCode, ...]:
    """Return what was put right while the data set was read."""
    return tuple(getattr(dataset, "reading_notes", ()))


def _prepare(dataset: Dataset, element: PixelElement, label: str, max_bytes: int | None) -> PreparedPixels:
    """Identify the pixels and complete the header.

    Raises:
        FilmError: ``unsupported_compression``, ``attribute_missing``, ``unsupported_layout`` or ``one_bit``.
    """
    size = native_size(read_numbers(dataset), read_photometric(dataset))
    stream = read_pixel_stream(element, label, size, max_bytes)
    if stream.unread:
        raise FilmError(codes.UNSUPPORTED_COMPRESSION, kind="DICOM", name=stream.unread, advice=ADVICE)
    native_bytes = None
    if stream.encoded is None:
        native_bytes = element.length if element.length is not None and not stream.fragments else len(stream.data)
        if max_bytes is not None and stream.fragments:
            native_bytes = max(native_bytes, size)  # only their beginning was joined
    if native_bytes is not None and _is_packed(dataset, native_bytes):
        dataset.BitsAllocated, native_bytes = 16, _pixel_count(dataset) * 2
        stream = PixelStream(stream.data if max_bytes else _unpack_12_bits(stream.data, native_bytes // 2))
    elif native_bytes is not None and _is_partial_422(dataset, native_bytes):
        native_bytes = _pixel_count(dataset)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        stream = PixelStream(stream.data if max_bytes else _extract_luminance(stream.data, native_bytes))
    is_corrected = complete_header(dataset, native_bytes, stream.encoded)
    _require_palette(dataset)
    return PreparedPixels(stream, is_corrected)


def _require_palette(dataset: Dataset) -> None:
    """Raise ``attribute_missing`` for PALETTE COLOR without a palette."""
    if read_photometric(dataset) != "PALETTE COLOR":
        return
    for keywords in PALETTE_KEYWORDS:
        if not any(keyword in dataset and dataset.get_item(keyword).value for keyword in keywords):
            raise FilmError(codes.ATTRIBUTE_MISSING, attribute=name_attribute(keywords[0]))


def _is_partial_422(dataset: Dataset, native_bytes: int) -> bool:
    """Return whether uncompressed pixels lie in fours: two of luminance and two of colour for both."""
    numbers, size = read_numbers(dataset), _native_size(dataset)
    is_like_it = read_photometric(dataset) == "YBR_PARTIAL_422" and size == 2 * _pixel_count(dataset)
    return is_like_it and numbers.get("BitsAllocated") == BYTE and size <= native_bytes <= size + 1 and size % 4 == 0


def _extract_luminance(data: memoryview, count: int) -> memoryview:
    """Return the luminance of YBR_PARTIAL_422 (PS3.3 C.7.6.3.1.2), which makes up the grey film."""
    fours = np.frombuffer(bytes(data[: 2 * count]), np.uint8).reshape(-1, 4)
    return memoryview(fours[:, :2].tobytes())


def _attach_encoded(dataset: FileDataset, stream: PixelStream, encoded: Codestream) -> str:
    """Add a codestream as the only fragment, and return the transfer syntax UID of its decoder."""
    frame: bytes | memoryview = stream.data
    if bytes(frame[: len(JP2_START)]) == JP2_START:
        inner = unwrap_jp2(frame)
        frame = inner if inner is not None else frame
    element = DataElement(PIXEL_DATA, "OB", encapsulate_frame(frame, bytes(4)))
    element.is_undefined_length = True
    dataset[PIXEL_DATA] = element
    return encoded.decoder


def _attach_native(dataset: FileDataset, element: PixelElement, data: memoryview, label: str) -> str:
    """Add uncompressed values, and return their transfer syntax UID."""
    is_cut_short = element.length is not None and len(element.value) < element.length
    values = bytes(data) if is_cut_short else _pad(dataset, data)
    dataset[PIXEL_DATA] = DataElement(PIXEL_DATA, element.vr if element.vr in ("OB", "OW") else "OW", values)
    if label in NATIVE_LABELS:
        return label
    return str(ExplicitVRLittleEndian if dataset.original_encoding[1] else ExplicitVRBigEndian)


def _pad(dataset: Dataset, data: memoryview) -> bytes:
    """Return values, with zeros for a few at the end of the last row that the file lacks, as other decoders do."""
    lacking = _native_size(dataset) - len(data)
    row = _native_size(dataset) // max(1, int(dataset.Rows))
    return bytes(data) + bytes(lacking) if 0 < lacking < row else bytes(data)


def _native_size(dataset: Dataset) -> int:
    return native_size(read_numbers(dataset), read_photometric(dataset))


def _pixel_count(dataset: Dataset) -> int:
    numbers = read_numbers(dataset)
    return numbers.get("Rows", 0) * numbers.get("Columns", 0)


def _is_packed(dataset: Dataset, native_bytes: int) -> bool:
    """Return whether two values of 12 bits lie in three bytes, as ACR-NEMA wrote them."""
    packed = (_pixel_count(dataset) * PACKED_BITS + 7) // 8
    numbers = read_numbers(dataset)
    return (
        numbers.get("BitsAllocated") == PACKED_BITS
        and numbers.get("SamplesPerPixel", 1) == 1
        and 0 < packed <= native_bytes <= packed + 1
    )


def _unpack_12_bits(data: memoryview, count: int) -> memoryview:
    """Return values of 12 bits, the lowest bits first, as values of 16 bits."""
    triples = np.frombuffer(bytes(data) + bytes(3), np.uint8)[: (count + 1) // 2 * 3].reshape(-1, 3).astype("<u2")
    values = np.empty((len(triples), 2), "<u2")
    values[:, 0] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    values[:, 1] = triples[:, 1] >> 4 | triples[:, 2] << 4
    return memoryview(values.reshape(-1)[:count].tobytes())
