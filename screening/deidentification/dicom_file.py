"""Parsing a DICOM file (PS3.10) into its elements, and writing elements as a file."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from pydicom import uid

from ml.decoding.dicom_reading import PROBE_BYTES, inflate
from ml.decoding.limits import unpacked_bytes
from ml.decoding.signatures import DICOM_MAGIC, DICOM_MAGIC_OFFSET, has_preamble, starts_data_set
from screening.deidentification.cleaned import damaged
from screening.deidentification.dicom_walk import LONG, SEQUENCE_END, UNDEFINED, Element, Encoding, Walker

META, COMMAND = 0x0002, 0x0000  # groups
TRANSFER_SYNTAX = 0x00020010
EXPLICIT = Encoding(implicit=False, little=True)
ENCODINGS = {
    str(uid.ImplicitVRLittleEndian): Encoding(implicit=True, little=True),
    str(uid.ExplicitVRBigEndian): Encoding(implicit=False, little=False),
}
DEFLATED = str(uid.DeflatedExplicitVRLittleEndian)
LEGAL_UID = re.compile(r"[0-9.]{1,64}")
TEXT_VRS = {"CS", "DS", "IS", "LO", "SH"}  # made even with a space, all others with a zero (PS3.5 6.2)


class Value(NamedTuple):
    """A value to be written."""

    vr: str
    value: bytes | memoryview
    open_ended: bool = False


@dataclass(frozen=True)
class DicomFile:
    """A parsed file.

    Attributes:
        preamble: the bytes before the prefix, if there are any.
        meta: file meta information by tag.
        elements: the data set by tag; the last element where a tag occurs twice.
        syntax: transfer syntax UID.
        source_encoding: the encoding of the data set as found, which may differ from the transfer syntax.
    """

    preamble: bytes
    meta: dict[int, Element]
    elements: dict[int, Element]
    syntax: str
    source_encoding: Encoding

    @property
    def output_encoding(self) -> Encoding:
        """The encoding of the data set by its transfer syntax."""
        return encoding_of(self.syntax)


def encoding_of(syntax: str) -> Encoding:
    """Return the encoding of data sets in a transfer syntax (PS3.5 annex A)."""
    return ENCODINGS.get(syntax, EXPLICIT)


def read_file(data: bytes, max_pixels: int) -> DicomFile:
    """Parse a file, with or without a preamble, without interpreting its values.

    Raises:
        FilmError: ``damaged_header`` or, for a deflated one, ``too_large_unpacked``.
    """
    whole = has_preamble(data)
    walker = Walker(data, DICOM_MAGIC_OFFSET + len(DICOM_MAGIC) if whole else 0, EXPLICIT)
    meta = {element.tag: element for element in walker.elements(META)}
    syntax = text_of(meta.get(TRANSFER_SYNTAX))
    if syntax and not LEGAL_UID.fullmatch(syntax):
        raise damaged("dicom")
    rest = memoryview(data)[walker.position :]
    if syntax == DEFLATED and starts_data_set(bytes(rest[:PROBE_BYTES])):  # deflated by its label alone
        syntax = ""
    elif syntax == DEFLATED:
        rest = memoryview(_inflate(data, walker.position, max_pixels))
    command = Walker(rest, 0, Encoding(implicit=True, little=True))
    for _ in command.elements(COMMAND):  # of a network message that was stored as it is; skipped
        pass
    rest = rest[command.position :]
    body = Walker(rest, 0, encoding_of(syntax) if syntax else _guess_encoding(rest))
    elements = {element.tag: element for element in body.elements()}
    if not elements:
        raise damaged("dicom")
    return DicomFile(
        data[:DICOM_MAGIC_OFFSET] if whole else b"",
        meta,
        elements,
        syntax or _syntax_of(body.encoding),
        body.encoding,
    )


def text_of(element: Element | None) -> str:
    """Return a value of plain characters, without padding."""
    return "" if element is None else bytes(element.value).decode("latin-1").strip(" \0")


def encode_elements(values: dict[int, Value], encoding: Encoding) -> list[bytes | memoryview]:
    """Encode elements in the order of their tags; returns the pieces of the file."""
    pieces: list[bytes | memoryview] = []
    for tag, (vr, value, open_ended) in sorted(values.items()):
        padding = (b"\0" if vr not in TEXT_VRS else b" ") * (len(value) % 2)
        length = UNDEFINED if open_ended else len(value) + len(padding)
        head = struct.pack(f"{encoding.order}HH", tag >> 16, tag & 0xFFFF)
        if encoding.implicit:
            head += struct.pack(f"{encoding.order}I", length)
        elif vr in LONG:
            head += struct.pack(f"{encoding.order}2sHI", vr.encode(), 0, length)
        else:
            head += struct.pack(f"{encoding.order}2sH", vr.encode(), length)
        pieces += [head, value, padding] if padding else [head, value]
        if open_ended:
            pieces.append(struct.pack(f"{encoding.order}HHI", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0))
    return pieces


def write_file(meta: dict[int, Value], values: dict[int, Value], syntax: str) -> bytes:
    """Write a file (PS3.10 section 7): a preamble of zeros, file meta information, data set."""
    head = b"".join(encode_elements(meta, EXPLICIT))
    length = encode_elements({META << 16: Value("UL", struct.pack("<I", len(head)))}, EXPLICIT)
    body = encode_elements(values, encoding_of(syntax))
    if syntax == DEFLATED:
        body = [_deflate(body)]
    return b"".join([bytes(DICOM_MAGIC_OFFSET), DICOM_MAGIC, *length, head, *body])


def _guess_encoding(rest: memoryview) -> Encoding:
    """Guess the encoding of a data set without a transfer syntax, in pydicom's way."""
    explicit = bytes(rest[4:6]).isalpha() and bytes(rest[4:6]).isupper()
    # The first group numbers of a data set are small; read in the wrong byte order they are not.
    big = explicit and rest[0] == 0 and rest[1] != 0
    return Encoding(implicit=not explicit, little=not big)


def _syntax_of(encoding: Encoding) -> str:
    if not encoding.little:
        return str(uid.ExplicitVRBigEndian)
    return str(uid.ImplicitVRLittleEndian if encoding.implicit else uid.ExplicitVRLittleEndian)


def _inflate(data: bytes, start: int, max_pixels: int) -> bytes:
    max_bytes = unpacked_bytes(max_pixels)
    try:
        return inflate(data, start, max_bytes, max_bytes)
    except (ValueError, zlib.error) as error:
        raise damaged("dicom") from error


def _deflate(pieces: list[bytes | memoryview]) -> bytes:
    packer = zlib.compressobj(
        1, wbits=-zlib.MAX_WBITS
    )  # the fastest level: an upload must not wait for a few per cent
    packed = b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])
    return packed + b"\0" * (len(packed) % 2)
