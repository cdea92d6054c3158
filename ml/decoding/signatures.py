"""File formats by their first bytes (never by file name), and advice for files that are not films."""

from __future__ import annotations

import struct

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from ml import codes
from ml.errors import FilmError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
DICOM_MAGIC = b"DICM"
DICOM_MAGIC_OFFSET = 128  # after the preamble, DICOM PS3.10 section 7.1
TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter two are BigTIFF
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # APPNOTE.TXT 4.3.7 and 4.3.16: a first file, or an empty archive

SAVE_FILM = "save the film as DICOM, PNG, JPEG, TIFF or WebP and send that"
EXPORT_FILM = "export the film itself, as DICOM or PNG, from where it came from"
PACK_AS_ZIP = "unpack it and send the films, or pack them as ZIP"

# Offset, first bytes, name of the format, advice.
OTHER_FORMATS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF-", "a PDF document", EXPORT_FILM),
    (0, b"GIF8", "a GIF picture", SAVE_FILM),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture outside DICOM", SAVE_FILM),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream outside DICOM", SAVE_FILM),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", SAVE_FILM),
    (0, b"\xff\x0a", "a JPEG XL picture", SAVE_FILM),
    (4, b"ftypavi", "an AVIF picture", SAVE_FILM),
    (4, b"ftyphei", "a HEIC picture", SAVE_FILM),
    (4, b"ftyphev", "a HEIC picture", SAVE_FILM),
    (4, b"ftypmif1", "a HEIF picture", SAVE_FILM),
    (4, b"ftyp", "a video", EXPORT_FILM),
    (0, b"\x1f\x8b", "a gzip archive", PACK_AS_ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", PACK_AS_ZIP),
    (0, b"Rar!\x1a\x07", "a RAR archive", PACK_AS_ZIP),
    (0, b"BZh", "a bzip2 archive", PACK_AS_ZIP),
    (0, b"\xfd7zXZ\0", "an xz archive", PACK_AS_ZIP),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", PACK_AS_ZIP),
    (257, b"ustar", "a tar archive", PACK_AS_ZIP),
    (32769, b"CD001", "the image of a disc", "open it and send the folder of films on it"),
    (344, b"n+1\0", "a NIfTI volume", EXPORT_FILM),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", EXPORT_FILM),
    (0, b"MZ", "a program", "send films only"),
    (0, b"\x7fELF", "a program", "send films only"),
)
BMP_MAGIC = b"BM"  # too short alone; four zero bytes behind the size are checked as well
TEXT_PROBE = 512  # a file counts as text if these first bytes are text

FIRST_GROUPS = frozenset({0x0002, 0x0008})  # a DICOM data set without preamble begins with one of them
CHECKED_ELEMENTS = 2  # consecutive elements that must be valid; two are not valid by chance
VALUE_REPRESENTATIONS = frozenset(str(vr.value) for vr in VR)


def detect_kind(data: bytes) -> str:
    """Return the kind of a file: ``png``, ``jpeg``, ``dicom``, ``tiff``, ``webp``, or ``zip`` for an archive.

    DICOM may lack the preamble of its file format, as ACR-NEMA and many exports do. A DICOM file whose preamble
    holds a TIFF header (PS3.10 section 7.1) is DICOM.

    Raises:
        FilmError: ``empty_file`` or ``unsupported_kind``.
    """
    if not data:
        raise FilmError(codes.EMPTY_FILE)
    if data.startswith(PNG_MAGIC):
        return "png"
    if data.startswith(JPEG_MAGIC):
        return "jpeg"
    if has_preamble(data):
        return "dicom"
    if data.startswith(TIFF_MAGICS):
        return "tiff"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(ZIP_MAGICS):
        return "zip"
    if starts_data_set(data):
        return "dicom"
    raise _unsupported(data)


def has_preamble(data: bytes) -> bool:
    """Return whether a file begins as DICOM PS3.10 says: 128 bytes of any content, then ``DICM``."""
    return data[DICOM_MAGIC_OFFSET : DICOM_MAGIC_OFFSET + len(DICOM_MAGIC)] == DICOM_MAGIC


def starts_data_set(data: bytes) -> bool:
    """Return whether a file begins with elements of a DICOM data set, in an uncompressed transfer syntax."""
    return any(_chained(data, order, explicit) for order, explicit in (("<", True), ("<", False), (">", True)))


def _chained(data: bytes, order: str, explicit: bool) -> bool:
    at, before = 0, -1
    for _ in range(CHECKED_ELEMENTS):
        if at + 12 > len(data):
            return False
        group, element = struct.unpack_from(order + "HH", data, at)
        if group not in FIRST_GROUPS or (group << 16 | element) <= before:
            return False
        before = group << 16 | element
        value, length = _value(data, at, order, explicit)
        if length % 2 or value + length > len(data):
            return False
        at = value + length
    return True


def _value(data: bytes, at: int, order: str, explicit: bool) -> tuple[int, int]:
    """Return offset and length of an element's value; beyond the end of the file if this is not an element."""
    if not explicit:
        return at + 8, int(struct.unpack_from(order + "I", data, at + 4)[0])
    kind = data[at + 4 : at + 6].decode("latin-1")
    if kind not in VALUE_REPRESENTATIONS:
        return len(data), 2
    if kind in EXPLICIT_VR_LENGTH_32:  # PS3.5 section 7.1.2
        return at + 12, int(struct.unpack_from(order + "I", data, at + 8)[0])
    return at + 8, int(struct.unpack_from(order + "H", data, at + 6)[0])


def _unsupported(data: bytes) -> FilmError:
    for offset, magic, name, advice in OTHER_FORMATS:
        if data.startswith(magic, offset):
            return FilmError(codes.KNOWN_BUT_NOT_READ, name=name, advice=advice)
    if data.startswith(BMP_MAGIC) and data[6:10] == b"\0\0\0\0":
        return FilmError(codes.KNOWN_BUT_NOT_READ, name="a BMP picture", advice=SAVE_FILM)
    if _is_text(data[:TEXT_PROBE]):
        return FilmError(codes.TEXT_FILE, advice=EXPORT_FILM)
    return FilmError(codes.UNSUPPORTED_KIND)


def _is_text(beginning: bytes) -> bool:
    """Return whether bytes are UTF-8, or UTF-16 with a byte order mark; a character may be cut off at the end."""
    coding = "utf-16" if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        text = beginning.decode(coding)
    except UnicodeDecodeError as error:
        if error.start < len(beginning) - 3:
            return False
        text = beginning[: error.start].decode(coding)
    return all(character.isprintable() or character in "\r\n\t\f\ufeff" for character in text)
