"""A film's header, read without decoding pixels, and the checks on it.

Intake, worker and command line use the same checks, so a film refused in one place is refused everywhere, with the
same code and sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pydicom
from pydicom.uid import UID

from ml import codes
from ml.decoding.body_part_words import CHEST_TERMS
from ml.decoding.bounded_reader import suppress_parser_warnings
from ml.decoding.dicom_reading import DicomHeader, read_dicom_header
from ml.decoding.examination_words import (
    LATERAL_TERMS,
    RADIOGRAPH_MODALITIES,
    UNSPECIFIC_MODALITY,
    find_body_part,
    find_modality,
    find_view,
    name_body_part,
)
from ml.decoding.limits import MAX_PIXELS, MEGAPIXEL
from ml.decoding.picture_headers import read_picture_properties
from ml.decoding.pixel_attributes import read_numbers
from ml.decoding.pixel_element import JPIP, NAMES
from ml.decoding.signatures import detect_kind, has_preamble
from ml.errors import FilmError

MAX_SIDE = (1 << 31) - 1  # pixels; the limit of PNG and of an integer column of the database
MIN_SIDE = 64  # pixels; below this no lung texture is visible

# SOP classes (PS3.6 annex A) of other examinations, by their keyword; only where Modality says nothing.
OTHER_CLASSES = (
    ("CT", ("CTImageStorage", "EnhancedCTImageStorage", "LegacyConvertedEnhancedCTImageStorage")),
    ("MR", ("MRImageStorage", "EnhancedMRImageStorage", "LegacyConvertedEnhancedMRImageStorage")),
    ("US", ("UltrasoundImageStorage", "UltrasoundMultiFrameImageStorage")),
    ("NM", ("NuclearMedicineImageStorage",)),
    ("PT", ("PositronEmissionTomographyImageStorage", "EnhancedPETImageStorage")),
    ("MG", ("DigitalMammographyXRayImageStorageForPresentation", "DigitalMammographyXRayImageStorageForProcessing")),
    ("IO", ("DigitalIntraOralXRayImageStorageForPresentation", "DigitalIntraOralXRayImageStorageForProcessing")),
)


@dataclass(frozen=True)
class Header:
    """Properties of a film that are known before its pixels are decoded.

    Attributes:
        kind: ``"png"``, ``"jpeg"``, ``"dicom"``, ``"tiff"`` or ``"webp"``, by content, never by file name.
        width: columns in pixels; of a picture, when it is upright.
        height: rows in pixels; of a picture, when it is upright.
        frames: pictures of full size in the file; for a TIFF, 2 stands for any number above 1.
        modality: the standard's term that DICOM Modality means, or empty.
        body_part: the standard's term that DICOM Body Part Examined means, or empty.
        view: the term that DICOM View Position means, or empty.
        error: the reason why the pixels cannot be read; raised by :func:`refuse_unfit`, after the examination.
    """

    kind: str
    width: int
    height: int
    frames: int = 1
    modality: str = ""
    body_part: str = ""
    view: str = ""
    error: FilmError | None = field(default=None, compare=False)


def read_header(data: bytes, max_pixels: int = MAX_PIXELS) -> Header:
    """Return the header of a film without decoding its pixels.

    Args:
        data: the file's bytes.
        max_pixels: the largest number of pixels that a film may have. :func:`refuse_unfit` checks it; here it only
            limits the size of an inflated data set.

    Raises:
        FilmError: ``empty_file``, ``unsupported_kind``, ``unsupported_compression``, ``unsupported_layout``,
            ``one_bit``, ``archive``, ``dicomdir``, ``no_pixels``, ``too_large_unpacked``, ``too_many_pixels`` or
            ``damaged_header``.
    """
    kind = detect_kind(data)
    if kind == "zip":
        raise FilmError(codes.ARCHIVE)
    with suppress_parser_warnings():
        return _dicom_header(data, max_pixels) if kind == "dicom" else _picture_header(data, kind, max_pixels)


def refuse_unfit(header: Header, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse a file that by its header is not a frontal chest radiograph of a usable size.

    Args:
        header: from :func:`read_header`.
        max_pixels: the largest number of pixels that a film may declare.

    Raises:
        FilmError: ``multi_frame``, ``too_small``, ``too_many_pixels``, ``not_a_radiograph``, ``not_a_chest``,
            ``lateral_view``, ``unsupported_compression`` or ``attribute_missing``.
    """
    _refuse_examination(header)
    if header.error is not None and header.frames == 1:
        raise header.error
    _refuse_geometry(header, max_pixels)


def _refuse_examination(header: Header) -> None:
    if header.kind != "dicom":
        return
    if header.modality and header.modality not in (*RADIOGRAPH_MODALITIES, UNSPECIFIC_MODALITY):
        raise FilmError(codes.NOT_A_RADIOGRAPH, modality=header.modality)
    if header.body_part and header.body_part not in CHEST_TERMS:
        raise FilmError(codes.NOT_A_CHEST, body_part=name_body_part(header.body_part))
    if header.view in LATERAL_TERMS:
        raise FilmError(codes.LATERAL_VIEW, view=header.view)


def _refuse_geometry(header: Header, max_pixels: int) -> None:
    if header.frames > 1:
        raise FilmError(codes.MULTI_FRAME)
    if min(header.width, header.height) < MIN_SIDE:
        raise FilmError(codes.TOO_SMALL, width=header.width, height=header.height, min_side=MIN_SIDE)
    if header.width * header.height > max_pixels:
        raise _too_many(header, max_pixels)


def _too_many(header: Header, max_pixels: int) -> FilmError:
    return FilmError(
        codes.TOO_MANY_PIXELS,
        width=header.width,
        height=header.height,
        max_megapixels=max_pixels // MEGAPIXEL,
    )


def _picture_header(data: bytes, kind: str, max_pixels: int) -> Header:
    try:
        header = Header(kind, *read_picture_properties(data, kind))
    except FilmError:
        raise
    except Exception as error:  # a parser may raise any exception for a damaged file
        raise _damaged(kind) from error
    if max(header.width, header.height) > MAX_SIDE:
        raise _too_many(header, max_pixels)
    return header


def _dicom_header(data: bytes, max_pixels: int) -> Header:
    try:
        beginning = read_dicom_header(data, max_pixels)
        _refuse_no_film(beginning, has_preamble(data))
        dataset = beginning.dataset
        numbers = read_numbers(dataset)
        return Header(
            kind="dicom",
            width=numbers.get("Columns", 0),
            height=numbers.get("Rows", 0),
            frames=numbers.get("NumberOfFrames", 1),
            modality=_modality(dataset),
            body_part=find_body_part(_raw(dataset, "BodyPartExamined")),
            view=find_view(_raw(dataset, "ViewPosition")),
            error=beginning.error,
        )
    except FilmError:
        raise
    except Exception as error:  # any exception means an unreadable header
        raise _damaged("dicom") from error


def _refuse_no_film(beginning: DicomHeader, is_file: bool) -> None:
    """Refuse DICOM without a picture, naming what it is; without a preamble it may not be DICOM at all."""
    if beginning.images is not None:
        count = f"{beginning.images} image" + "s" * (beginning.images != 1)
        raise FilmError(codes.DICOMDIR, images=count)
    if beginning.has_pixels:
        return
    if NAMES.get(beginning.syntax) == JPIP:
        raise FilmError(codes.UNSUPPORTED_COMPRESSION, kind="DICOM", name=JPIP, advice="export it with its pixels")
    dataset = beginning.dataset
    modality, name = find_modality(_raw(dataset, "Modality")), _class_name(dataset)
    if modality in RADIOGRAPH_MODALITIES:
        raise FilmError(codes.CUT_SHORT)
    if modality or name:
        raise FilmError(codes.NO_PIXELS, what=name or f"modality {modality}")
    if _raw(dataset, "Modality"):
        raise FilmError(codes.NO_PIXELS, what="another modality")
    raise _damaged("dicom") if is_file else FilmError(codes.NO_PICTURE_DESCRIBED)


def _class_name(dataset: pydicom.Dataset) -> str:
    """Return the name of the SOP class (PS3.6 annex A), or an empty string if there is none."""
    uid = UID(str(dataset.get("SOPClassUID") or ""))
    return uid.name.removesuffix(" Storage") if uid.name != str(uid) else ""


def _modality(dataset: pydicom.Dataset) -> str:
    """Return the term that Modality means; where it says nothing, that of a SOP class of another examination."""
    if modality := find_modality(_raw(dataset, "Modality")):
        return modality
    keyword = UID(str(dataset.get("SOPClassUID") or "")).keyword
    return next((term for term, keywords in OTHER_CLASSES if keyword in keywords), "")


def _raw(dataset: pydicom.Dataset, keyword: str) -> bytes:
    """Return the bytes of an attribute's value, before any decoding."""
    value = dataset.get_item(keyword).value if keyword in dataset else b""
    return value if isinstance(value, bytes) else b""


def _damaged(kind: str) -> FilmError:
    return FilmError(codes.DAMAGED_HEADER, kind=kind.upper())
