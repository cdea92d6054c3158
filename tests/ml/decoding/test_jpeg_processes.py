"""JPEG outside DICOM: every coding process is read or refused by name; previews of cameras are left out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.decoding.viewer_pixels import decode_values
from ml.phantom import film as phantom
from ml.phantom.film import PhantomSpec
from screening.deidentification import clean_file
from tests.hostile.pictures import deep_jpeg_that_declares
from tests.ml import jpegs
from tests.ml.helpers import encoded, mean_difference, refusal
from tests.ml.peak import peak_of_second

HEIGHT, WIDTH = 120, 96
LOSSY_DIFFERENCE = 2.0  # mean grey levels
MEMORY_FACTOR = 4  # times the raw values; measured 1.7 of 12 bits, 2.0 of 16


@cache
def film(bits: int = 8) -> NDArray[Any]:
    grey = phantom.chest(PhantomSpec(HEIGHT, WIDTH, bits=8, seed=5, opacities=2)).astype(np.float64)
    return (grey * (((1 << bits) - 1) / 255)).round().astype(np.uint8 if bits <= 8 else np.uint16)


def spread(values: NDArray[Any]) -> NDArray[Any]:
    levels = values.astype(np.float64) - float(values.min())
    return np.asarray(levels * (255 / levels.max()))


def read(data: bytes) -> NDArray[Any]:
    """The working picture, which cleaning does not change; the viewer has the same shape."""
    refuse_unfit(read_header(data))
    cleaned = clean_file(data, "jpeg", b"key")
    pixels = load(data).pixels
    assert np.array_equal(load(cleaned.data).pixels, pixels)
    assert decode_values(cleaned.data, "jpeg").codes.shape == pixels.shape
    header = read_header(cleaned.data)
    assert (header.height, header.width, header.frames) == (*pixels.shape, 1)
    return pixels


@pytest.mark.parametrize("predictor", [1, 4, 7])
@pytest.mark.parametrize("bits", range(2, 17))
def test_lossless_of_any_number_of_bits(bits: int, predictor: int) -> None:
    """Up to eight bits the whole range is spread; more are spread from the smallest value to the largest."""
    values = film(bits)
    data = jpegs.deep(values, bits, lossless=True, predictor=predictor)
    levels = values * (255 / ((1 << bits) - 1)) if bits <= 8 else spread(values)
    assert np.abs(read(data) - levels).max() <= 0.51
    shown = decode_values(data, "jpeg")
    if bits > 8:
        assert shown.bits == bits
        assert np.array_equal(shown.codes + round(shown.intercept), values)


def test_12_bits() -> None:
    data = jpegs.deep(film(12), 12, level=95)
    assert np.abs(read(data) - spread(film(12))).max() < LOSSY_DIFFERENCE
    shown = decode_values(data, "jpeg")
    assert shown.bits == 12
    assert np.abs(shown.codes + shown.intercept - film(12)).max() < 16


@pytest.mark.parametrize(("bits", "lossless"), [(8, True), (12, True), (16, True), (12, False)])
def test_deep_colour(bits: int, lossless: bool) -> None:
    """As with 16-bit colour of PNG, the upper eight bits count."""
    colours = np.stack([film(bits), film(bits) // 2, film(bits) // 3], axis=-1)
    options: dict[str, Any] = {"lossless": True} if lossless else {"level": 95}
    eight = (colours >> (bits - 8)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(eight).convert("L")).astype(float)
    assert mean_difference(read(jpegs.deep(colours, bits, **options)), expected) < LOSSY_DIFFERENCE


@pytest.mark.parametrize("data", [jpegs.ARITHMETIC, jpegs.ARITHMETIC_PROGRESSIVE], ids=["sequential", "progressive"])
def test_arithmetic_coding(data: bytes) -> None:
    drawn = np.add.outer(8 * np.arange(72), 7 * np.arange(80)) // 5 % 256
    assert np.median(np.abs(read(data) - drawn)) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("bits", "lossless"), [(8, False), (8, True), (12, False), (16, True)])
def test_orientation(bits: int, lossless: bool, orientation: int) -> None:
    options: dict[str, Any] = {"lossless": True} if lossless else {"level": 95}
    data = jpegs.with_exif(jpegs.deep(film(bits), bits, **options), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    levels = film() if bits == 8 else spread(film(bits)).round().astype(np.uint8)
    upright = load(encoded(Image.fromarray(levels), "PNG", exif=exif)).pixels
    assert mean_difference(read(data), upright) < LOSSY_DIFFERENCE
    header = read_header(data)
    assert (header.height, header.width) == upright.shape


UNREAD = {
    "JPEG-LS": (0xF7, 8, "unsupported_kind", "JPEG-LS"),
    "hierarchical": (0xC5, 8, "unsupported_compression", "hierarchical"),
    "hierarchical progressive": (0xC6, 8, "unsupported_compression", "hierarchical"),
    "hierarchical lossless": (0xC7, 8, "unsupported_compression", "hierarchical"),
    "hierarchical arithmetic": (0xCD, 8, "unsupported_compression", "hierarchical"),
    "lossless arithmetic": (0xCB, 8, "unsupported_compression", "lossless JPEG with arithmetic coding"),
    "12-bit arithmetic": (0xC9, 12, "unsupported_compression", "12-bit JPEG with arithmetic coding"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_refused_by_name(name: str) -> None:
    process, bits, code, words = UNREAD[name]
    error = refusal(lambda: read_header(jpegs.with_process(jpegs.deep(film(bits), bits), process)))
    assert error.code == code
    assert words in error.detail
    assert "save" in error.detail


def test_a_real_jpeg_ls_is_refused_by_name() -> None:
    from imagecodecs import jpegls_encode

    for values in (film(), film(12)):
        data = bytes(jpegls_encode(values))
        assert "JPEG-LS" in refusal(lambda data=data: read_header(data)).detail  # type: ignore[misc]


def test_four_deep_samples_are_refused() -> None:
    data = jpegs.with_process(encoded(Image.fromarray(film()).convert("CMYK"), "JPEG"), 0xC3)
    assert refusal(lambda: read_header(data)).code == "unsupported_layout"


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_deep_picture_cut_short_is_damaged(bits: int, share: float) -> None:
    data = jpegs.deep(film(bits), bits, lossless=bits == 16)
    cut = data[: int(share * len(data))]
    assert refusal(lambda: load(cut)).code in {"damaged_header", "damaged_pixels"}


@pytest.mark.parametrize("lossless", [False, True])
def test_a_deep_picture_with_fewer_bits_than_pixels_is_damaged(lossless: bool) -> None:
    data = deep_jpeg_that_declares(9_000, 9_000, lossless=lossless)
    assert read_header(data).width == 9_000
    assert refusal(lambda: load(data)).code == "damaged_pixels"


@pytest.mark.parametrize("bits", [12, 16])
def test_a_deep_picture_of_another_size_than_its_header_is_damaged(bits: int) -> None:
    """The array has the size of the first frame header, which is the one that was checked."""
    data = jpegs.deep(film(bits), bits, lossless=bits == 16)
    frame = data.index(b"\xff\xc3" if bits == 16 else b"\xff\xc1")
    small = data[: frame + 5] + b"\0\x40\0\x40" + data[frame + 9 :]
    both = small[: frame + 2 + int.from_bytes(small[frame + 2 : frame + 4], "big")] + data[frame:]
    assert refusal(lambda: load(both)).code == "damaged_pixels"


def half() -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(film()).resize((WIDTH // 2, HEIGHT // 2)))


ONE_FILM: dict[str, tuple[tuple[NDArray[np.uint8], ...], tuple[int, ...]]] = {
    "large thumbnail": ((film(), half()[:40]), (jpegs.BASELINE, jpegs.PREVIEW)),
    "two thumbnails": ((film(), half(), half()[:20, :20]), (jpegs.BASELINE, jpegs.PREVIEW, 0x010002)),
    "smaller copy": ((film(), half()), (jpegs.BASELINE, jpegs.FULL)),
    "marked by the first entry only": ((film(), half()), (0x20030000, jpegs.FULL)),
}


@pytest.mark.parametrize("name", ONE_FILM)
def test_previews_of_cameras_are_left_out(name: str) -> None:
    pictures, kinds = ONE_FILM[name]
    data = jpegs.several(*pictures, kinds=kinds)
    assert mean_difference(read(data), film()) < LOSSY_DIFFERENCE
    cleaned = clean_file(data, "jpeg", b"key")
    assert [note.code for note in cleaned.notes] == ["previews_left_out"]
    assert {"JPEG further pictures", "data after the end of the picture"} <= set(cleaned.removed)
    assert cleaned.data.count(b"\xff\xd8\xff") == 1
    assert clean_file(cleaned.data, "jpeg", b"key").notes == ()


@pytest.mark.parametrize(
    ("second", "kind"),
    [(film()[::-1], jpegs.FULL), (film()[:90], jpegs.FULL), (film(), jpegs.PART), (half(), jpegs.PART)],
    ids=["same size", "another shape", "stereo", "small part of a series"],
)
def test_several_pictures_of_a_camera_are_refused(second: NDArray[np.uint8], kind: int) -> None:
    data = jpegs.several(film(), second, kinds=(jpegs.BASELINE, kind))
    assert refusal(lambda: refuse_unfit(read_header(data))).code == "multi_frame"


@pytest.mark.parametrize("place", [b"MPF\0II", b"MPF\0\xff\xff\xff\xff", b"MPF\0"])
def test_a_damaged_index_does_not_spoil_the_film(place: bytes) -> None:
    data = jpegs.several(film(), half())
    index = data.index(b"MPF\0")
    damaged = data[:index] + place.ljust(40, b"\xff") + data[index + 40 :]
    assert mean_difference(read(damaged), film()) < LOSSY_DIFFERENCE


@pytest.mark.parametrize(("bits", "lossless"), [(12, False), (16, True)])
def test_memory_is_bounded(bits: int, lossless: bool, tmp_path: Path) -> None:
    """As in test_raster.py, for a deep picture of 25 megapixels."""
    tile = phantom.chest(PhantomSpec(1000, 1000, bits=12, seed=1)).astype(np.uint16) << (bits - 12)
    large = np.tile(tile, (5, 5))
    for name, values in (("small.jpg", tile), ("large.jpg", large)):
        (tmp_path / name).write_bytes(jpegs.deep(values, bits, lossless=lossless))
    assert peak_of_second(tmp_path / "small.jpg", tmp_path / "large.jpg") < MEMORY_FACTOR * large.nbytes
