"""Files with a mark in every place that may say whose they are, and how to tell that pixels are the same."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ml.decoding import dicom_codecs
from ml.decoding.preprocess import load
from ml.errors import FilmError
from screening.deidentification import CleanedFile, clean_file

MARK = "DOE^JANE"  # letters that a Code String may hold, so that no check of characters alone can tell it
KEY = b"the key of a deployment"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description tiff:Orientation="6" dc:creator="{MARK}"/></rdf:RDF></x:xmpmeta>'
)


def cleaned(data: bytes, kind: str) -> CleanedFile:
    """Clean a file and make sure of what must hold of any: no mark, the same pixels, nothing left to remove."""
    assert MARK.encode() in data or MARK.encode("utf-16-le") in data, "nothing was planted"
    once = clean_file(data, kind, KEY)
    refuse_marks(once.data)
    again = clean_file(once.data, kind, KEY)
    assert again.removed == ()
    if kind != "dicom":  # whose pseudonyms are pseudonymised again
        assert again.data == once.data
    return once


def refuse_marks(data: bytes) -> None:
    for coding in ("ascii", "utf-16-le", "utf-16-be"):
        assert MARK.encode(coding) not in data


def same_picture(before: bytes, after: bytes, kind: str) -> bool:
    """Whether Pillow decodes the same, upright, and so does the screening where it takes the film at all."""
    return np.array_equal(upright(before, kind), upright(after, kind)) and np.array_equal(
        screened(before), screened(after)
    )


def screened(data: bytes) -> NDArray[Any] | str:
    """The working picture of a film, or the code of its refusal: of a picture of one bit there is none."""
    try:
        return load(data).pixels
    except FilmError as error:
        return error.code


def upright(data: bytes, kind: str) -> NDArray[Any]:
    picture: Image.Image = Image.open(BytesIO(data), formats=[kind.upper()])
    picture.load()
    return np.asarray(ImageOps.exif_transpose(picture))


def dicom_pixels(data: bytes) -> NDArray[Any]:
    dicom_codecs.register()
    dataset = pydicom.dcmread(BytesIO(data), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        syntax = "" if implicit else ".1" if little else ".2"
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(f"1.2.840.10008.1.2{syntax}")
    return np.asarray(dataset.pixel_array)


def film(mode: str = "L", size: tuple[int, int] = (97, 80)) -> Image.Image:
    """A picture in which no turn looks like another."""
    rows, columns = size[1], size[0]
    ramp = np.add.outer(np.arange(rows) * 2, np.arange(columns)) + np.eye(rows, columns) * 40
    if mode == "I;16":
        return Image.fromarray((ramp * 200).astype(np.uint16))
    return Image.fromarray((ramp % 256).astype(np.uint8)).convert(mode)


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with the mark in both directories, in the place and in the thumbnail's."""
    block = Image.Exif()
    if orientation != 1:
        block[ExifTags.Base.Orientation] = orientation
    block[ExifTags.Base.Artist] = block[ExifTags.Base.ImageDescription] = MARK
    block[0xC7F1] = MARK  # a tag that has no name
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = MARK.encode()
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:01:02 03:04:05"
    block.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = MARK.encode()
    return block


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(one)) + one + (MARK[:1].encode() if len(one) % 2 else b"")
        for kind, one in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        found.append((kind, data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return found


def tiff_tags() -> ImageFileDirectory_v2:
    """TIFF tags that say something of a person, each with the mark."""
    tags = ImageFileDirectory_v2()
    for tag in (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 50000, 65000):
        tags[tag] = MARK
        tags.tagtype[tag] = 2
    for tag in (700, 33723, 34377, 34675, 37724):
        tags[tag] = MARK.encode()
        tags.tagtype[tag] = 7
    return tags
