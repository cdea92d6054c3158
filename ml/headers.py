"""What a film's header says, read without decoding a single pixel.

The same checks serve the upload door, the worker and the command line, so that a film refused in one place
is refused everywhere, with the same code and sentence.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO

import pydicom
from PIL import Image

from ml.errors import FilmError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
DICOM_MAGIC = b"DICM"
DICOM_MAGIC_OFFSET = 128  # after the preamble, DICOM PS3.10 section 7.1

MIN_SIDE = 64  # pixels; below this no lung texture is left to look at
MAX_PIXELS = 120_000_000  # declared pixels; the largest flat detectors give about 20 million

# Projection radiography by PS3.3 C.7.3.1.1.1; CT, MR, US and the rest are other examinations.
RADIOGRAPH_MODALITIES = frozenset({"CR", "DX", "RG"})
# Body Part Examined, PS3.16 annex L, as systems write it in practice.
CHEST_BODY_PARTS = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS", "RIBS", "TORAX", "PORT CHEST"})
CODE_STRING_MAX = 16  # characters of a Code String (CS), PS3.5 table 6.2-1
LATERAL_VIEWS = frozenset({"LL", "RL", "LLD", "RLD", "LATERAL", "LAT"})


@dataclass(frozen=True)
class Header:
    """What is known of a film before its pixels are touched.

    Attributes:
        kind: ``"png"``, ``"jpeg"`` or ``"dicom"``, by content, never by file name.
        width: columns in pixels.
        height: rows in pixels.
        frames: pictures in the file.
        modality: DICOM Modality, or empty.
        body_part: DICOM Body Part Examined, or empty.
        view: DICOM View Position, or empty.
    """

    kind: str
    width: int
    height: int
    frames: int = 1
    modality: str = ""
    body_part: str = ""
    view: str = ""


def sniff(data: bytes) -> str:
    """Return the kind of a file by its magic bytes: ``png``, ``jpeg`` or ``dicom``.

    Raises:
        FilmError: ``empty_file`` or ``unsupported_kind``.
    """
    if not data:
        raise FilmError("empty_file", "The file is empty; export it again from where it came from.")
    if data.startswith(PNG_MAGIC):
        return "png"
    if data.startswith(JPEG_MAGIC):
        return "jpeg"
    if data[DICOM_MAGIC_OFFSET : DICOM_MAGIC_OFFSET + 4] == DICOM_MAGIC:
        return "dicom"
    raise FilmError(
        "unsupported_kind",
        "This is neither PNG, JPEG nor DICOM by its content, whatever its name says; "
        "export the film in one of these formats.",
    )


def read_header(data: bytes) -> Header:
    """Return the header of a film without decoding its pixels.

    Raises:
        FilmError: ``empty_file``, ``unsupported_kind`` or ``damaged_header``.
    """
    kind = sniff(data)
    return _dicom_header(data) if kind == "dicom" else _picture_header(data, kind)


def refuse_unfit(header: Header) -> None:
    """Refuse what by its header alone is no frontal chest radiograph of a usable size.

    Raises:
        FilmError: ``multi_frame``, ``too_small``, ``too_many_pixels``, ``not_a_radiograph``,
            ``not_a_chest`` or ``lateral_view``.
    """
    _refuse_examination(header)
    _refuse_geometry(header)


def _refuse_examination(header: Header) -> None:
    if header.kind != "dicom":
        return
    if header.modality not in RADIOGRAPH_MODALITIES:
        raise FilmError(
            "not_a_radiograph",
            f"Its DICOM header says modality {header.modality or 'unknown'}; "
            "only projection radiographs (CR, DX, RG) are screened.",
        )
    if header.body_part and header.body_part not in CHEST_BODY_PARTS:
        raise FilmError(
            "not_a_chest",
            f"Its DICOM header says body part {header.body_part}; only chest films are screened.",
        )
    if header.view in LATERAL_VIEWS:
        raise FilmError(
            "lateral_view",
            f"Its DICOM header says view {header.view}; the model knows frontal films (PA, AP) only.",
        )


def _refuse_geometry(header: Header) -> None:
    if header.frames > 1:
        raise FilmError(
            "multi_frame", f"The file holds {header.frames} pictures; send each film as a file of its own."
        )
    if min(header.width, header.height) < MIN_SIDE:
        raise FilmError(
            "too_small",
            f"The film is {header.width} × {header.height} pixels; at least {MIN_SIDE} on each side are needed.",
        )
    if header.width * header.height > MAX_PIXELS:
        raise FilmError(
            "too_many_pixels",
            f"The film declares {header.width} × {header.height} pixels; "
            f"at most {MAX_PIXELS // 1_000_000} million are accepted.",
        )


def _picture_header(data: bytes, kind: str) -> Header:
    try:
        with warnings.catch_warnings():
            # Pillow warns of many pixels; refuse_unfit decides that with a reason of its own.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=[kind.upper()]) as picture:
                return Header(kind, picture.width, picture.height, getattr(picture, "n_frames", 1))
    except Image.DecompressionBombError as error:
        raise FilmError("too_many_pixels", "The picture declares more pixels than any X-ray detector has.") from error
    except Exception as error:  # parsers raise whatever a damaged file leads them to
        raise _damaged(kind) from error


def _dicom_header(data: bytes) -> Header:
    try:
        dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        return Header(
            kind="dicom",
            width=int(dataset.Columns),  # a picture has both; a file cut short may not
            height=int(dataset.Rows),
            frames=int(dataset.get("NumberOfFrames") or 1),
            modality=_text(dataset, "Modality"),
            body_part=_text(dataset, "BodyPartExamined"),
            view=_text(dataset, "ViewPosition"),
        )
    except Exception as error:  # as above: any exception means an unreadable header
        raise _damaged("dicom") from error


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    text = str(dataset.get(keyword) or "").strip().upper()[:CODE_STRING_MAX]
    # A damaged length lets other attributes run in here, NUL included, which no database column takes.
    return "".join(character if character.isprintable() else "?" for character in text)


def _damaged(kind: str) -> FilmError:
    return FilmError("damaged_header", f"The {kind.upper()} header cannot be read; the file is damaged or cut short.")
