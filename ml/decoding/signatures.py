"""File formats by their first bytes (never by file name), and advice for files that are not films."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

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


class OtherFormat(NamedTuple):
    """A format that is not read.

    Attributes:
        offset: of the bytes by which it is known.
        magic: these bytes.
        name: for the sentence of the refusal.
        advice: what to do.
    """

    offset: int
    magic: bytes
    name: str
    advice: str


# In this order: a longer beginning before a shorter one.
OTHER_FORMATS = tuple(
    OtherFormat(*row)
    for row in (
        (0, b"%PDF-", "a PDF document", EXPORT_FILM),
        (0, b"%!PS", "a PostScript document", EXPORT_FILM),
        (0, b"GIF8", "a GIF picture", SAVE_FILM),
        (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture outside DICOM", SAVE_FILM),
        (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream outside DICOM", SAVE_FILM),
        (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", SAVE_FILM),
        (0, b"\xff\x0a", "a JPEG XL picture", SAVE_FILM),
        (0, b"II\xbc\x01", "a JPEG XR picture", SAVE_FILM),
        (0, b"II\xbc\x00", "a JPEG XR picture", SAVE_FILM),
        (0, b"\x8bJNG\r\n\x1a\n", "a JNG picture", SAVE_FILM),
        (0, b"\x8aMNG\r\n\x1a\n", "an MNG animation", SAVE_FILM),
        (4, b"ftypavi", "an AVIF picture", SAVE_FILM),
        (4, b"ftyphei", "a HEIC picture", SAVE_FILM),
        (4, b"ftyphev", "a HEIC picture", SAVE_FILM),
        (4, b"ftypmif1", "a HEIF picture", SAVE_FILM),
        (4, b"ftypmif2", "a HEIF picture", SAVE_FILM),
        (4, b"ftypmsf1", "a HEIF picture", SAVE_FILM),
        (4, b"ftypcrx ", "a camera raw picture (CR3)", SAVE_FILM),
        (4, b"ftyp", "a video", EXPORT_FILM),
        (0, b"\0\0\1\0", "an icon (ICO)", SAVE_FILM),
        (0, b"\0\0\2\0\0\0\0\0", "a TGA picture", SAVE_FILM),
        (0, b"\0\0\3\0\0\0\0\0", "a TGA picture", SAVE_FILM),
        (0, b"\0\0\x0a\0\0\0\0\0", "a TGA picture", SAVE_FILM),
        (0, b"\0\0\x0b\0\0\0\0\0", "a TGA picture", SAVE_FILM),
        (0, b"icns", "an icon (ICNS)", SAVE_FILM),
        (0, b"8BPS", "a Photoshop document (PSD)", SAVE_FILM),
        (0, b"gimp xcf", "a GIMP document (XCF)", SAVE_FILM),
        (0, b"DDS ", "a DDS texture", SAVE_FILM),
        (0, b"v/1\x01", "an OpenEXR picture", SAVE_FILM),
        (0, b"#?RADIANCE", "a Radiance HDR picture", SAVE_FILM),
        (0, b"#?RGBE", "a Radiance HDR picture", SAVE_FILM),
        (0, b"qoif", "a QOI picture", SAVE_FILM),
        (0, b"\x0a\x05\x01\x08", "a PCX picture", SAVE_FILM),
        (0, b"BPG\xfb", "a BPG picture", SAVE_FILM),
        (0, b"FLIF", "a FLIF picture", SAVE_FILM),
        (0, b"\x01\xda\0", "an SGI picture", SAVE_FILM),
        (0, b"\x01\xda\1", "an SGI picture", SAVE_FILM),
        (0, b"\x59\xa6\x6a\x95", "a Sun raster picture", SAVE_FILM),
        (0, b"AT&TFORM", "a DjVu document", EXPORT_FILM),
        (0, b"FUJIFILMCCD-RAW", "a camera raw picture (RAF)", SAVE_FILM),
        (0, b"IIRO", "a camera raw picture (ORF)", SAVE_FILM),
        (0, b"IIRS", "a camera raw picture (ORF)", SAVE_FILM),
        (0, b"MMOR", "a camera raw picture (ORF)", SAVE_FILM),
        (0, b"IIU\0", "a camera raw picture (RW2)", SAVE_FILM),
        (0, b"II\x1a\0\0\0HEAPCCDR", "a camera raw picture (CRW)", SAVE_FILM),
        (0, b"FOVb", "a camera raw picture (X3F)", SAVE_FILM),
        (0, b"\0MRM", "a camera raw picture (MRW)", SAVE_FILM),
        (0, b"SIMPLE  =", "a FITS picture", SAVE_FILM),
        (0, b"NRRD00", "an NRRD volume", EXPORT_FILM),
        (344, b"n+1\0", "a NIfTI volume", EXPORT_FILM),
        (344, b"ni1\0", "a NIfTI header", EXPORT_FILM),
        (4, b"n+2\0\r\n\x1a\n", "a NIfTI volume", EXPORT_FILM),
        (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", EXPORT_FILM),
        (0, b"CDF\x01", "a NetCDF or MINC volume", EXPORT_FILM),
        (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", EXPORT_FILM),
        (0, b"\x93NUMPY", "a NumPy array", EXPORT_FILM),
        (0, b"\x1f\x8b", "a gzip archive", PACK_AS_ZIP),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", PACK_AS_ZIP),
        (0, b"Rar!\x1a\x07", "a RAR archive", PACK_AS_ZIP),
        (0, b"BZh", "a bzip2 archive", PACK_AS_ZIP),
        (0, b"\xfd7zXZ\0", "an xz archive", PACK_AS_ZIP),
        (0, b"\x28\xb5\x2f\xfd", "a zstd archive", PACK_AS_ZIP),
        (257, b"ustar", "a tar archive", PACK_AS_ZIP),
        (32769, b"CD001", "the image of a disc", "open it and send the folder of films on it"),
        (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", EXPORT_FILM),
        (0, b"{\\rtf", "an RTF document", EXPORT_FILM),
        (0, b"\x1aE\xdf\xa3", "a video", EXPORT_FILM),
        (8, b"AVI LIST", "a video", EXPORT_FILM),
        (0, b"MZ", "a program", "send films only"),
        (0, b"\x7fELF", "a program", "send films only"),
    )
)
BMP_MAGIC = b"BM"  # too short alone; four zero bytes behind the size are checked as well
BMP_NAME, PNM_NAME, TGA_NAME, SVG_NAME = (
    "a BMP picture",
    "a PNM picture (PBM, PGM, PPM, PAM)",
    "a TGA picture",
    "an SVG drawing",
)
NIFTI_PACKED_NAME = "a NIfTI volume in gzip"
PNM_BEGINNING = re.compile(rb"P([1-6][\s#]|7\n|[Ff]\n)")
TGA_END = b"TRUEVISION-XFILE.\0"  # of version 2; version 1 is known by its most frequent beginnings
GZIP_MAGIC = b"\x1f\x8b"
GZIP_PROBE, NIFTI_HEADER = 4096, 352  # bytes of a gzip that are unpacked at most to this size, to find a NIfTI
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
    for other in (*_find_without_magic(data), *OTHER_FORMATS):
        if data.startswith(other.magic, other.offset):
            return FilmError(codes.KNOWN_BUT_NOT_READ, name=other.name, advice=other.advice)
    if _is_text(data[:TEXT_PROBE]):
        return FilmError(codes.TEXT_FILE, advice=EXPORT_FILM)
    return FilmError(codes.UNSUPPORTED_KIND)


def _find_without_magic(data: bytes) -> Iterator[OtherFormat]:
    """Yield a format that more than its first bytes tell."""
    if data.startswith(BMP_MAGIC) and data[6:10] == b"\0\0\0\0":
        yield OtherFormat(0, BMP_MAGIC, BMP_NAME, SAVE_FILM)
    if PNM_BEGINNING.match(data):
        yield OtherFormat(0, b"P", PNM_NAME, SAVE_FILM)
    if data.endswith(TGA_END):
        yield OtherFormat(0, b"", TGA_NAME, SAVE_FILM)
    if b"<svg" in data[:TEXT_PROBE]:
        yield OtherFormat(0, b"", SVG_NAME, SAVE_FILM)
    if data.startswith(GZIP_MAGIC) and _begins_nifti(data[:GZIP_PROBE]):
        yield OtherFormat(0, GZIP_MAGIC, NIFTI_PACKED_NAME, EXPORT_FILM)


def _begins_nifti(packed: bytes) -> bool:
    try:
        header = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, NIFTI_HEADER)
    except zlib.error:
        return False
    return any(
        header.startswith(other.magic, other.offset) for other in OTHER_FORMATS if other.name == "a NIfTI volume"
    )


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
