"""A file's kind by its first bytes, and a reason of its own for every other kind that people send."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.decoding.signatures import OTHER_FORMATS, detect_kind
from ml.phantom.film import ENCODERS, PhantomSpec, dicom_bytes
from tests.ml.helpers import dicom_with, encoded, refusal
from tests.ml.tiff_writer import Page, write_tiff

FILM = PhantomSpec(100, 90, seed=2)
LAYOUTS = {"implicit": (True, True), "explicit": (False, True), "big endian": (False, False)}


def zipped(*names: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


def bare(layout: str, data: bytes | None = None) -> bytes:
    """A film's data set alone: no preamble, no prefix, no File Meta Information."""
    implicit, little = LAYOUTS[layout]
    dataset = pydicom.dcmread(BytesIO(data or dicom_bytes(FILM)))
    if not little and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, little
    write_dataset(out, Dataset(dict(dataset)))
    return out.getvalue()


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_kind_is_found_by_content(kind: str) -> None:
    assert detect_kind(ENCODERS[kind](FILM)) == kind
    assert read_header(ENCODERS[kind](FILM)).kind == kind


@pytest.mark.parametrize("magic", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_both_byte_orders_and_sizes_of_tiff(magic: bytes) -> None:
    assert detect_kind(magic + b"\0" * 60) == "tiff"


def test_a_canon_raw_picture_is_named() -> None:
    """It begins as a TIFF does; a film whose pixels begin with the same letters is read."""
    film = write_tiff(Page(np.frombuffer(b"CR" * 3_200, np.uint8).reshape(80, 80)))
    assert film[8:10] == b"CR"
    assert read_header(film).width == 80
    raw = b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + struct.pack("<HHHII", 1, 256, 4, 1, 80) + bytes(600)
    assert "camera raw" in refusal(lambda: read_header(raw)).detail


def test_other_riff_files_are_no_webp() -> None:
    assert refusal(lambda: detect_kind(b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 60)).code == "unsupported_kind"


@pytest.mark.parametrize("data", [zipped("film.png"), zipped()], ids=["full", "empty"])
def test_an_archive_is_known_but_is_no_film(data: bytes) -> None:
    assert detect_kind(data) == "zip"
    error = refusal(lambda: read_header(data))
    assert error.code == "archive"
    assert "ZIP" in error.detail


@pytest.mark.parametrize(("offset", "magic", "name", "advice"), OTHER_FORMATS)
def test_a_well_known_kind_is_named(offset: int, magic: bytes, name: str, advice: str) -> None:
    data = b"\1" * offset + magic + b"\1" * 600
    error = refusal(lambda: detect_kind(data))
    assert error.code == "unsupported_kind"
    assert (name in error.detail, advice in error.detail) == (True, True)


@pytest.mark.parametrize(
    ("kind", "word"), [("GIF", "GIF"), ("BMP", "BMP"), ("JPEG2000", "JPEG 2000"), ("PDF", "PDF"), ("AVIF", "AVIF")]
)
def test_real_pictures_of_other_kinds_are_named(kind: str, word: str) -> None:
    assert word in refusal(lambda: detect_kind(encoded(Image.new("L", (80, 80), 9), kind))).detail


@pytest.mark.parametrize(
    "text", ["name,age\n", "<html><body>", '{"a": 1}', "Größe\n" * 200, "ж" * 400, "\ufeffa list"]
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_text_is_called_text(text: str, coding: str) -> None:
    error = refusal(lambda: detect_kind(text.encode(coding)))
    assert (error.code, "text" in error.detail) == ("unsupported_kind", True)


@pytest.mark.parametrize(
    "noise", [b"\x03\x01\xff\xfe", b"\x08\0\x05\0", b"\x08\0\x05\0" * 40, b"\x02\0" * 99, bytes(300)]
)
def test_what_is_nothing_known_is_told_the_kinds_that_are(noise: bytes) -> None:
    error = refusal(lambda: detect_kind(noise))
    assert error.code == "unsupported_kind"
    assert all(kind in error.detail for kind in ("DICOM", "PNG", "JPEG", "TIFF", "WebP"))


def test_noise_is_not_taken_for_dicom() -> None:
    """Even where it begins like a data set: the second element has to follow the first."""
    rng = np.random.default_rng(0)
    for _ in range(2_000):
        noise = struct.pack("<HHI", 8, rng.integers(0, 256), 2 * rng.integers(0, 30)) + rng.bytes(300)
        assert refusal(lambda noise=noise: detect_kind(noise)).code == "unsupported_kind"  # type: ignore[misc]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bits", [8, 12])
def test_a_film_without_preamble_is_the_same_film(layout: str, bits: int) -> None:
    data = dicom_bytes(PhantomSpec(100, 90, bits=bits, seed=2))
    assert read_header(bare(layout, data)) == read_header(data)
    assert np.array_equal(load(bare(layout, data)).pixels, load(data).pixels)


def test_a_film_with_meta_information_but_without_preamble_is_the_same_film() -> None:
    data = dicom_with()
    assert np.array_equal(load(data[132:]).pixels, load(data).pixels)


def test_a_film_without_preamble_is_judged_like_any_other() -> None:
    error = refusal(lambda: refuse_unfit(read_header(bare("implicit", dicom_with(Modality="CT")))))
    assert error.code == "not_a_radiograph"


def test_elements_that_describe_no_picture_are_not_called_dicom() -> None:
    data = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100" + struct.pack("<HH2sH", 8, 8, b"CS", 4) + b"ABCD"
    assert detect_kind(data) == "dicom"
    assert refusal(lambda: read_header(data)).code == "unsupported_kind"


@pytest.mark.parametrize("preamble", [b"II*\0", b"MM\0*", b"PK\x03\x04", b"%PDF-1.7", b"GIF89a", b"MZ"])
def test_the_preamble_may_hold_anything(preamble: bytes) -> None:
    """A polyglot is what DICOM says it is: those 128 bytes are for other programs (PS3.10 section 7.1)."""
    data = dicom_with()
    two_faced = preamble.ljust(128, b"\0") + data[128:]
    assert detect_kind(two_faced) == "dicom"
    assert np.array_equal(load(two_faced).pixels, load(data).pixels)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
def test_what_follows_a_picture_changes_nothing(kind: str) -> None:
    data = ENCODERS[kind](FILM)
    assert np.array_equal(load(data + zipped("evil.exe")).pixels, load(data).pixels)
