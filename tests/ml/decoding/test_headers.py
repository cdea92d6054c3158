"""Which files are refused at intake, by which code, without decoding pixels."""

import struct
import zlib
from importlib.resources import files
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file

from ml.decoding.body_part_words import CHEST_TERMS
from ml.decoding.examination_words import LATERAL_TERMS
from ml.decoding.headers import MIN_SIDE, read_header, refuse_unfit
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.preprocess import load
from ml.decoding.signatures import detect_kind
from tests.ml.helpers import dicom_with, encoded, refusal

PUBLIC_DICOM = sorted(
    Path(str(file)).name for file in (files("data_store") / "data").iterdir() if file.name.endswith(".dcm")
)


def png_declaring(width: int, height: int) -> bytes:
    """A PNG with a valid header that promises a size; its pixels are rubbish."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"rubbish") + chunk(b"IEND", b"")


def check(data: bytes) -> None:
    refuse_unfit(read_header(data))


def test_kind_is_found_by_content(png: bytes, jpeg: bytes, dicom: bytes) -> None:
    assert [detect_kind(data) for data in (png, jpeg, dicom)] == ["png", "jpeg", "dicom"]


def test_header_is_read_as_the_file_says(png: bytes, dicom: bytes) -> None:
    header = read_header(dicom)
    assert (header.kind, header.width, header.height, header.frames) == ("dicom", 256, 256, 1)
    assert (header.modality, header.body_part, header.view) == ("DX", "CHEST", "PA")
    wide = read_header(encoded(Image.new("L", (90, 70)), "PNG"))
    assert (wide.kind, wide.width, wide.height, wide.modality) == ("png", 90, 70, "")
    check(png)
    check(dicom)


def test_pixels_are_not_decoded() -> None:
    """The pixels of this file cannot be decoded, and 120 million of them would take seconds."""
    check(png_declaring(10_000, MAX_PIXELS // 10_000))


@pytest.mark.filterwarnings("ignore:Expected implicit VR")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"PNG", "unsupported_kind"),
        (b"%PDF-1.7 " + b"x" * 500, "unsupported_kind"),
        (b"II*\0" + b"\0" * 500, "damaged_header"),
        (b"RIFF\xff\0\0\0WEBPVP8 " + b"\0" * 500, "damaged_header"),
        (b"PK\x03\x04" + b"\0" * 500, "archive"),
        (b"\0" * 127 + b"DICM", "unsupported_kind"),
        (b"\x89PNG\r\n\x1a\n", "damaged_header"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "damaged_header"),
        (b"\0" * 128 + b"DICM" + b"\x02\0\0\0ZZ\x04\0" + b"\xff" * 200, "damaged_header"),
        (png_declaring(60_000, 60_000), "too_many_pixels"),
        (png_declaring(11_000, 11_000), "too_many_pixels"),
        (png_declaring(2**31 - 1, 2**31 - 1), "too_many_pixels"),
        (png_declaring(MIN_SIDE - 1, 500), "too_small"),
        (png_declaring(500, MIN_SIDE - 1), "too_small"),
    ],
)
def test_each_file_has_its_own_code(data: bytes, code: str) -> None:
    error = refusal(lambda: check(data))
    assert error.code == code
    assert error.detail.endswith(".")


def test_a_damaged_length_field_is_a_damaged_header(png: bytes) -> None:
    assert refusal(lambda: check(png[:8] + b"\xff" * 4 + png[12:])).code == "damaged_header"


def test_another_limit_of_pixels_may_be_given() -> None:
    header = read_header(png_declaring(2_000, 1_000))
    refuse_unfit(header, max_pixels=2_000_000)
    error = refusal(lambda: refuse_unfit(header, max_pixels=1_000_000))
    assert error.code == "too_many_pixels"
    assert "1 million" in error.detail


def test_a_raised_limit_holds_beyond_what_the_parsers_would_take_by_themselves() -> None:
    header = read_header(png_declaring(20_000, 20_000), max_pixels=500_000_000)
    refuse_unfit(header, max_pixels=500_000_000)


def test_the_smallest_side_is_accepted() -> None:
    check(png_declaring(MIN_SIDE, MIN_SIDE))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "PX", "RF", "ct "])
def test_other_examinations_are_named(modality: str) -> None:
    error = refusal(lambda: check(dicom_with(Modality=modality)))
    assert error.code == "not_a_radiograph"
    assert modality.strip().upper() in error.detail


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "dx ", "DR", "XR", "X-RAY", "OT", "", "SC", "UNKNOWN", "D?"])
def test_radiographs_are_accepted_and_so_is_what_says_nothing(modality: str) -> None:
    check(dicom_with(Modality=modality))


def test_the_class_names_the_examination_where_the_modality_does_not() -> None:
    assert refusal(lambda: check(dicom_with(Modality="", SOPClassUID=uid.CTImageStorage))).code == "not_a_radiograph"
    check(dicom_with(Modality="", SOPClassUID=uid.ComputedRadiographyImageStorage))


@pytest.mark.parametrize(
    ("part", "name"),
    [("KNEE", "knee"), ("EXTREMITY", "extremity"), ("SKULL", "skull"), ("ABDOMEN", "abdomen"), ("L-SPINE", "spine")],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_other_body_parts_are_named_by_our_words(part: str, name: str) -> None:
    error = refusal(lambda: check(dicom_with(BodyPartExamined=part)))
    assert error.code == "not_a_chest"
    assert f"({name})" in error.detail


def test_a_refusal_quotes_nothing_of_the_file() -> None:
    """Systems write names and comments into these attributes."""
    for values in ({"BodyPartExamined": "HAND JANE"}, {"Modality": "CT JANE"}, {"ViewPosition": "LAT JANE"}):
        detail = refusal(lambda values=values: check(dicom_with(**values))).detail  # type: ignore[misc]
        assert "JANE" not in detail
    several = refusal(lambda: check(dicom_with(BodyPartExamined=["KNEE", "FOOT"]))).detail
    assert not set("[]'") & set(several)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    "part", [*sorted(CHEST_TERMS), "", " chest ", "CHEST PA", "2- TORAX", "UNKNOWN", "NONE", "***"]
)
def test_a_chest_or_nothing_said_is_accepted(part: str) -> None:
    check(dicom_with(BodyPartExamined=part))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("view", [*LATERAL_TERMS, "ll"])
def test_lateral_views_are_refused(view: str) -> None:
    error = refusal(lambda: check(dicom_with(ViewPosition=view)))
    assert error.code == "lateral_view"
    assert view.upper() in error.detail


@pytest.mark.parametrize("view", ["PA", "AP", ""])
def test_frontal_views_are_accepted(view: str) -> None:
    check(dicom_with(ViewPosition=view))


def test_several_pictures_in_one_file_are_refused() -> None:
    pictures = [Image.new("L", (80, 80), grey) for grey in (10, 90)]
    animated = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:])
    stereo = encoded(pictures[0].convert("RGB"), "MPO", save_all=True, append_images=[pictures[1].convert("RGB")])
    pages = encoded(pictures[0], "TIFF", save_all=True, append_images=pictures[1:])
    moving = encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])
    for data in (animated, stereo, pages, moving, dicom_with(NumberOfFrames=2)):
        assert refusal(lambda data=data: check(data)).code == "multi_frame"  # type: ignore[misc]


def test_a_sentence_quotes_no_more_of_a_damaged_header_than_a_code_string_holds() -> None:
    """A wrong length made a modality of what followed it, NUL bytes and perhaps a patient's name among it."""
    damaged = dicom_with(Modality="CT\x00\x01 and so on NAME^PATIENTS")
    error = refusal(lambda: check(damaged))
    assert error.code == "not_a_radiograph"
    assert error.detail.isprintable()
    assert len(error.detail) < 200
    assert "PATIENTS" not in error.detail


@pytest.mark.parametrize("tag", [b"\x28\x00\x10\x00US", b"\xe0\x7f\x10\x00OW"], ids=["rows", "pixels"])
def test_a_radiograph_cut_short_before_its_pixels_is_damaged(tag: bytes) -> None:
    whole = dicom_with()
    error = refusal(lambda: check(whole[: whole.index(tag)]))
    assert error.code == "damaged_header"
    assert "cut short" in error.detail


@pytest.mark.parametrize(("rows", "columns", "code"), [(63, 80, "too_small"), (60_000, 60_000, "too_many_pixels")])
def test_declared_size_of_a_dicom_file(rows: int, columns: int, code: str) -> None:
    assert refusal(lambda: check(dicom_with(Rows=rows, Columns=columns))).code == code


def test_the_examination_is_judged_before_the_size() -> None:
    assert refusal(lambda: check(dicom_with(Modality="CT", Rows=10))).code == "not_a_radiograph"


def test_load_checks_the_header_first() -> None:
    assert refusal(lambda: load(png_declaring(60_000, 60_000))).code == "too_many_pixels"
    assert refusal(lambda: load(dicom_with(Modality="CT"))).code == "not_a_radiograph"


def expected_of(dataset: pydicom.Dataset) -> str | None:
    """By what pydicom reads."""
    if str(dataset.get("Modality") or "OT") not in ("CR", "DX", "OT") or dataset.SOPClassUID.name.startswith("CT"):
        return "not_a_radiograph"
    if dataset.get("BodyPartExamined") == "EXTREMITY":
        return "not_a_chest"
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        return "multi_frame"
    return "too_small" if min(dataset.Rows, dataset.Columns) < MIN_SIDE else None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PUBLIC_DICOM)
def test_public_dicom_files(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    data = Path(path).read_bytes()
    code = expected_of(pydicom.dcmread(path, stop_before_pixels=True, force=True))
    if code is None:
        check(data)
    else:
        assert refusal(lambda: check(data)).code == code


def test_the_public_files_are_all_there() -> None:
    """Else the test above would pass over nothing."""
    families = ("RG1_", "RG3_", "693_", "MR2_", "US1_", "SC_rgb")
    assert all(any(name.startswith(family) for name in PUBLIC_DICOM) for family in families)
    assert len(PUBLIC_DICOM) > 60
