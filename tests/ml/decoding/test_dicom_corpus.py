"""Every file that pydicom and pydicom-data ship: it decodes, or it is refused with a reason of its own."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.data.data_manager import DATA_ROOT

from ml.decoding.preprocess import WORKING_SIDE, Grey, decode, load
from ml.errors import FilmError
from ml.note_codes import PIXELS_STRETCHED
from tests.ml.compressed import ENCODERS, compressed
from tests.ml.helpers import refusal
from tests.ml.reference_decode import reference_decode

pytestmark = pytest.mark.filterwarnings("ignore")

FOLDERS = (Path(DATA_ROOT), Path(str(data_store.__file__)).parent)
CODE = {".py", ".pyc"}
REASONS = {
    "unsupported_kind",
    "damaged_header",
    "dicomdir",
    "no_pixels",
    "multi_frame",
    "not_a_radiograph",
    "not_a_chest",
    "too_small",
    "attribute_missing",
}
NO_DICOM = {"README", "README.md", "README.txt", "FileInfo.txt", "hashes.json", "urls.json", "crayons.icc"}
NO_DICOM |= {"test1.json", "test_PN.json", "rtplan.dump", "rtstruct.dump", "zipMR.gz"}
NO_DICOM |= {"no_meta.dcm"}  # its first byte is missing; pydicom finds one meaningless element in it
# Radiographs without pixels, and data sets of a few elements that neither say what they are nor hold a picture.
DAMAGED = {"chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm"}
DAMAGED |= {"chrSQEncoding.dcm", "chrSQEncoding1.dcm", "UN_sequence.dcm", "empty_charset_LEI.dcm"}
DAMAGED |= {"no_meta_group_length.dcm", "priv_SQ.dcm"}
# By name: what the file is, and the words of the sentence that say so.
EXPECTED = {
    "DICOMDIR": ("dicomdir", "names"),
    "DICOMDIR-bigEnd": ("dicomdir", "31 images"),
    "DICOMDIR-implicit": ("dicomdir", "31 images"),
    "DICOMDIR-nooffset": ("dicomdir", "31 images"),
    "DICOMDIR-empty.dcm": ("dicomdir", "0 images"),
    "reportsi.dcm": ("no_pixels", "Basic Text SR"),
    "test-SR.dcm": ("no_pixels", "Comprehensive SR"),
    "rtplan.dcm": ("no_pixels", "RT Plan"),
    "rtplan_truncated.dcm": ("no_pixels", "RT Plan"),
    "rtstruct.dcm": ("no_pixels", "RT Structure Set"),
    "ExplVR_BigEndNoMeta.dcm": ("no_pixels", "RT Ion Plan"),
    "ExplVR_LitEndNoMeta.dcm": ("no_pixels", "RT Ion Plan"),
    "waveform_ecg.dcm": ("no_pixels", "12-lead ECG Waveform"),
    "hotiron.dcm": ("no_pixels", "Color Palette"),
    "IM000000": ("no_pixels", "CT Image"),
    "CT_small.dcm": ("not_a_radiograph", "CT"),
    "MR_small_RLE.dcm": ("not_a_radiograph", "MR"),
    "MR_small_bigendian.dcm": ("not_a_radiograph", "MR"),
    "examples_rgb_color.dcm": ("not_a_radiograph", "US"),
    "emri_small.dcm": ("not_a_radiograph", "MR"),
    "liver.dcm": ("not_a_radiograph", "SEG"),
    "rtdose.dcm": ("not_a_radiograph", "RTDOSE"),
    "6154": ("not_a_chest", "(spine)"),
    "RG3_UNCR.dcm": ("not_a_chest", "(extremity)"),
    "badVR.dcm": ("not_a_radiograph", "RTDOSE"),
    "nested_priv_SQ.dcm": ("attribute_missing", "Rows (0028,0010)"),
    "chrJapMulti.dcm": ("damaged_header", "cut short"),
    "zipMR.gz": ("unsupported_kind", "gzip"),
    "README.txt": ("unsupported_kind", "text"),
    "urls.json": ("unsupported_kind", "text"),
    "no_meta.dcm": ("unsupported_kind", "none of DICOM"),
}
# Pictures of one frame that do not decode, by the cause.
UNDECODABLE = {
    "MR_truncated.dcm": "cut short",
    "JPEG2000-embedded-sequence-delimiter.dcm": "a codestream with the delimiter's bytes in the place of its size",
}
SYNTAXES = {
    uid.ImplicitVRLittleEndian: "MR_small_implicit.dcm",
    uid.ExplicitVRLittleEndian: "RG1_UNCR.dcm",
    uid.ExplicitVRBigEndian: "MR_small_bigendian.dcm",
    uid.DeflatedExplicitVRLittleEndian: "image_dfl.dcm",
    uid.JPEGBaseline8Bit: "SC_rgb_jpeg_dcmtk.dcm",
    uid.JPEGExtended12Bit: "JPGExtended.dcm",
    uid.JPEGLosslessSV1: "JPEG-LL.dcm",
    uid.JPEGLSLossless: "MR_small_jpeg_ls_lossless.dcm",
    uid.JPEGLSNearLossless: "JPEGLSNearLossless_16.dcm",
    uid.JPEG2000Lossless: "RG1_J2KR.dcm",
    uid.JPEG2000: "RG1_J2KI.dcm",
    uid.RLELossless: "MR_small_RLE.dcm",
}


def every() -> list[Path]:
    files = (path for folder in FOLDERS for path in sorted(folder.rglob("*")))
    return [path for path in files if path.is_file() and path.suffix not in CODE]


@cache
def dataset_of(path: Path) -> pydicom.Dataset | None:
    """As pydicom reads it, pixels emptied, or ``None`` where it does not read it or finds nothing in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
        except Exception:
            return None
    if "PixelData" in dataset:
        dataset.PixelData = b""
    return dataset if len(dataset) > 1 else None


def frames_of(path: Path) -> int:
    """How many pictures a file holds, by what pydicom reads."""
    dataset = dataset_of(path)
    if dataset is None or "PixelData" not in dataset or path.name in {*DAMAGED, "badVR.dcm"} or "Rows" not in dataset:
        return 0
    return int(dataset.get("NumberOfFrames") or 1)


def pictures() -> list[Path]:
    return [path for path in every() if frames_of(path) == 1]


def named(name: str) -> Path:
    return next(path for path in every() if path.name == name)


def answer(read: Callable[[], Grey]) -> Grey | FilmError:
    try:
        return read()
    except FilmError as error:
        return error


@pytest.mark.parametrize("path", every(), ids=lambda path: path.name)
def test_every_file_decodes_or_is_refused_with_its_own_reason(path: Path) -> None:
    got = answer(lambda: load(path.read_bytes()).pixels)
    if not isinstance(got, FilmError):
        dataset = dataset_of(path)
        assert dataset is not None
        assert str(dataset.get("Modality") or "OT") in ("CR", "OT")  # the gate decides about the latter
        assert got.std() > (20 if path.name.startswith("RG1_") else 0)
        return
    assert got.code in REASONS
    assert got.detail.endswith(".")
    assert got.detail.isprintable()
    assert 40 < len(got.detail) < 250
    assert (got.code == "unsupported_kind") == (path.name in NO_DICOM)
    assert (got.code == "damaged_header") == (path.name in DAMAGED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_reason_is_the_right_one(name: str) -> None:
    code, words = EXPECTED[name]
    error = refusal(lambda: load(named(name).read_bytes()))
    assert error.code == code
    assert words in error.detail


def test_what_pydicom_cannot_read_is_nothing_that_we_do_not_name() -> None:
    unread = {path.name for path in every() if dataset_of(path) is None}
    assert unread <= NO_DICOM | DAMAGED | {"emri_small_jpeg_2k_lossless_too_short.dcm"}  # an MR by its header


@pytest.mark.parametrize("path", pictures(), ids=lambda path: path.name)
def test_every_picture_decodes_whatever_it_shows(path: Path) -> None:
    """The way of the pixels alone, for CT, MR and the rest; grey levels are compared in test_dicom_pixels.py."""
    data = path.read_bytes()
    got = answer(lambda: decode(data, "dicom").pixels)
    if path.name in UNDECODABLE:
        assert isinstance(got, FilmError)
        assert got.code == "damaged_pixels"
        return
    if (dataset := dataset_of(path)) is not None and dataset.get("BitsAllocated") == 1:
        assert isinstance(got, FilmError)
        assert got.code == "one_bit"
        return
    assert not isinstance(got, FilmError)
    assert got.dtype == np.uint8
    stretched = PIXELS_STRETCHED in decode(data, "dicom").notes
    if max(got.shape) < WORKING_SIDE and not stretched:  # neither shrunk nor stretched, which take from the extremes
        assert (got.min(), got.max()) == (0, 255)


def test_every_transfer_syntax_decodes() -> None:
    decoded = defaultdict(set)
    for path in pictures():
        dataset = dataset_of(path)
        assert dataset is not None
        decoded[dataset.file_meta.get("TransferSyntaxUID")].add(path.name)
    for syntax, name in SYNTAXES.items():
        assert name in decoded[syntax]
        assert decode(named(name).read_bytes(), "dicom").pixels.std() > 0
    film = np.random.default_rng(0).integers(0, 4096, (80, 80)).astype(np.uint16)
    pixels = decode(
        compressed(film, uid.JPEGLossless), "dicom"
    ).pixels  # process 14 of any predictor: none is shipped
    assert pixels.std() > 0
    assert set(ENCODERS) <= {uid.JPEGLossless, *SYNTAXES}


@pytest.mark.parametrize("path", [path for path in every() if frames_of(path) > 1], ids=lambda path: path.name)
def test_several_frames_are_no_film(path: Path) -> None:
    """Even when asked for the pixels alone."""
    assert refusal(lambda: decode(path.read_bytes(), "dicom")).code == "damaged_pixels"


def test_a_palette_without_preamble_is_the_picture_that_it_is_with_one() -> None:
    dataset = pydicom.dcmread(named("OT-PAL-8-face.dcm"), force=True)
    dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    out = BytesIO()
    dataset.preamble = b"\0" * 128
    dataset.save_as(out, enforce_file_format=True)
    expected = reference_decode(out.getvalue())
    assert np.array_equal(decode(named("OT-PAL-8-face.dcm").read_bytes(), "dicom").pixels, expected)


def test_the_files_are_all_there() -> None:
    """Else the tests above would pass over nothing."""
    assert len(every()) > 260
    assert len(pictures()) > 140
