"""TIFF in every layout: read rightly, or refused by name when it arrives."""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.headers import read_header
from ml.decoding.orientation import turn_upright
from ml.decoding.preprocess import load
from ml.decoding.viewer_pixels import decode_values
from ml.phantom import film as phantom
from ml.phantom.film import PhantomSpec
from screening.deidentification import clean_file
from tests.ml import jpegs
from tests.ml.helpers import encoded, refusal
from tests.ml.peak import peak_of_second
from tests.ml.tiff_writer import COMPRESSORS, DEFLATE, LZW, NONE, Page, write_tiff

HEIGHT, WIDTH = 120, 97
ORDERS = [("<", False), (">", False), ("<", True), (">", True)]
DEPTHS = ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"]
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "deflate": {"compression": DEFLATE},
    "lzw and predictor": {"compression": LZW, "predictor": 2},
    "tiles": {"tile": 32},
    "tiles, deflate and predictor": {"tile": 48, "compression": DEFLATE, "predictor": 2},
}
MEMORY_FACTOR = 4  # times the raw values; measured 3.3 of int8, 2.1 of float64


@cache
def film() -> NDArray[Any]:
    return phantom.chest(PhantomSpec(HEIGHT, WIDTH, bits=8, seed=5, opacities=2))


def values_of(dtype: str) -> NDArray[Any]:
    """The film in values of a type: signed ones around 0, so that a wrong sign shows."""
    kind = np.dtype(dtype)
    grey = film().astype(np.float64)
    if kind.kind == "f":
        return ((grey - 100) / 7).astype(kind)
    if kind.itemsize == 1:
        return (grey - (128 if kind.kind == "i" else 0)).astype(kind)
    return ((grey - (128 if kind.kind == "i" else 0)) * (1 << 8 * kind.itemsize - 9)).astype(kind)


def expected(values: NDArray[Any]) -> NDArray[Any]:
    """Plain bytes as they are, also with a sign; all others spread over all levels."""
    if values.dtype == np.uint8:
        return values.astype(np.float64)
    if values.dtype == np.int8 and values.min() < 0:
        return values.astype(np.float64) + 128
    spread = values.astype(np.float64) - float(values.min())
    return np.asarray(spread * (255 / spread.max()))


def check(data: bytes, levels: NDArray[Any], rounding: float = 0.51) -> None:
    """The film looks right before and after cleaning, here and in the viewer."""
    cleaned = clean_file(data, "tiff", b"key").data
    for file in (data, cleaned):
        assert np.abs(load(file).pixels - levels).max() <= rounding
    shown = decode_values(cleaned, "tiff")
    grey = shown.codes.astype(np.float64)
    levels = levels.max() - levels if shown.inverted else levels - levels.min()
    assert grey.shape == levels.shape
    assert np.abs(grey * (np.ptp(levels) / np.ptp(grey)) - levels).max() <= rounding
    header = read_header(data)
    assert (header.height, header.width) == grey.shape
    assert read_header(cleaned) == header


@pytest.mark.parametrize(("order", "big"), ORDERS, ids=["little", "big", "little BigTIFF", "big BigTIFF"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DEPTHS)
def test_grey_of_every_type(dtype: str, layout: str, order: str, big: bool) -> None:
    options = dict(LAYOUTS[layout])
    if dtype.startswith("f") and "predictor" in options:
        options["predictor"] = 3
    values = values_of(dtype)
    check(write_tiff(Page(values, **options), order=order, big=big), expected(values))


def test_signed_bytes_without_a_negative_are_spread() -> None:
    values = (film() // 2).astype("i1")
    check(write_tiff(Page(values)), expected(values))


@pytest.mark.parametrize(("order", "big"), ORDERS)
@pytest.mark.parametrize("dtype", DEPTHS)
def test_white_is_zero_is_the_negative(dtype: str, order: str, big: bool) -> None:
    values = values_of(dtype)
    check(write_tiff(Page(values, photometric=0), order=order, big=big), 255 - expected(values))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [NONE, LZW])
@pytest.mark.parametrize("bits", range(2, 17))
def test_any_number_of_bits(bits: int, compression: int, order: str) -> None:
    """Up to eight bits the whole range is spread; more are spread from the smallest value to the largest."""
    top = (1 << bits) - 1
    values = (film().astype(np.float64) * (top / 255)).round().astype(np.uint8 if bits <= 8 else np.uint16)
    levels = (values.astype(np.float64) * (255 / top)).round() if bits <= 8 else expected(values)
    data = write_tiff(Page(values, bits=bits, compression=compression), order=order)
    check(data, levels)
    assert decode_values(data, "tiff").bits == max(8, bits)


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f8"])
def test_every_compression(dtype: str, compression: int) -> None:
    values = values_of(dtype)
    check(write_tiff(Page(values, compression=compression)), expected(values))


def colours() -> NDArray[np.uint8]:
    return np.stack([film(), film() // 2, 255 - film()], axis=-1)


@pytest.mark.parametrize(("order", "big"), ORDERS)
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_colour(dtype: str, layout: str, planar: bool, order: str, big: bool) -> None:
    expected_levels = np.asarray(Image.fromarray(colours()).convert("L")).astype(float)
    values = colours().astype(dtype) * (257 if dtype == "u2" else 1)
    if planar or LAYOUTS[layout].get("predictor") != 2:
        page = Page(values, photometric=2, planar=planar, **LAYOUTS[layout])
    else:  # the writer's differences are those of single samples along a row as well
        page = Page(values, photometric=2, **LAYOUTS[layout])
    check(write_tiff(page, order=order, big=big), expected_levels)


@pytest.mark.parametrize(("photometric", "samples"), [(5, 4), (8, 3), (2, 4)], ids=["CMYK", "LAB", "RGBA"])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
def test_planes_are_the_same_film(photometric: int, samples: int, compression: int) -> None:
    tags = {338: 2} if (photometric, samples) == (2, 4) else {}
    values = np.stack([np.roll(film(), 9 * sample, axis=1) for sample in range(samples)], axis=-1)
    page = Page(values, photometric=photometric, compression=compression, tags=tags)
    together, apart = (load(write_tiff(replace(page, planar=planar))).pixels for planar in (False, True))
    assert np.array_equal(together, apart)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "f8"])
def test_orientation(dtype: str, orientation: int) -> None:
    """Header, picture and viewer are upright, whichever library decodes."""
    values = values_of(dtype)
    data = write_tiff(Page(values, tags={274: orientation}))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = load(encoded(Image.fromarray(film()), "PNG", exif=exif)).pixels
    assert np.array_equal(turn_upright(film(), orientation), upright)
    check(data, expected(turn_upright(values, orientation)))


def lossless(block: NDArray[Any]) -> bytes:
    return jpegs.deep(np.ascontiguousarray(block), 8, lossless=True)


UNREAD: dict[str, tuple[Page, str, str]] = {
    "WebP": (Page(film(), compression=50001), "unsupported_compression", "WebP"),
    "JPEG XL": (Page(film(), compression=50002), "unsupported_compression", "JPEG XL"),
    "JPEG 2000": (Page(film(), compression=34712), "unsupported_compression", "JPEG 2000"),
    "LERC": (Page(film(), compression=34887), "unsupported_compression", "LERC"),
    "retired JPEG": (Page(film(), compression=6), "unsupported_compression", "JPEG in its retired form"),
    "lossless JPEG": (Page(film(), compression=7, encoder=lossless), "unsupported_compression", "lossless JPEG"),
    "a private method": (Page(film(), compression=60_000), "unsupported_compression", "60000"),
    "1 bit": (Page(film() >> 7, bits=1), "one_bit", "1 bit per pixel"),
    "24 bits": (Page(film().astype("u4"), bits=24), "unsupported_layout", "24 bits (unsigned)"),
    "20 bits": (Page(film().astype("u4"), bits=20), "unsupported_layout", "20 bits"),
    "64 bits": (Page(film().astype("u8")), "unsupported_layout", "64 bits (unsigned)"),
    "signed of 64 bits": (Page(film().astype("i8")), "unsupported_layout", "64 bits (signed)"),
    "signed of 12 bits": (Page(film().astype("i2"), bits=12), "unsupported_layout", "12 bits (signed)"),
    "colour of floats": (Page(colours().astype("f4"), photometric=2), "unsupported_layout", "(floating-point)"),
    "signed colour": (Page(colours().astype("i2"), photometric=2), "unsupported_layout", "3 samples"),
    "colour of 32 bits": (Page(colours().astype("u4"), photometric=2), "unsupported_layout", "32 bits"),
    "undefined": (Page(film().astype("u2"), tags={339: 4}), "unsupported_layout", "undefined"),
    "complex": (Page(film().astype("u8"), tags={339: 6}), "unsupported_layout", "complex"),
    "palette of 16 bits": (Page(film().astype("u2"), photometric=3), "unsupported_layout", "a palette"),
    "two samples": (Page(np.stack([film().astype("u2")] * 2, -1)), "unsupported_layout", "2 samples"),
    "planes of grey and alpha": (
        Page(np.stack([film()] * 2, -1), planar=True, tags={338: 2}),
        "unsupported_layout",
        "2 samples",
    ),
    "planes with premultiplied alpha": (
        Page(np.stack([film()] * 4, -1), photometric=2, planar=True, tags={338: 1}),
        "unsupported_layout",
        "4 samples",
    ),
    "planes of luminance and colour": (
        Page(colours(), photometric=6, planar=True),
        "unsupported_layout",
        "3 samples",
    ),
    "five samples": (Page(np.stack([film()] * 5, -1)), "unsupported_layout", "5 samples"),
    "colour filter": (Page(film().astype("u2"), photometric=32803), "unsupported_kind", "camera raw"),
    "DNG": (Page(film(), tags={50706: 1}), "unsupported_kind", "camera raw"),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_refused_by_name(name: str, order: str) -> None:
    page, code, words = UNREAD[name]
    error = refusal(lambda: read_header(write_tiff(page, order=order)))
    assert error.code == code
    assert words in error.detail
    assert "save" in error.detail or "export" in error.detail


@pytest.mark.parametrize("side", [0, 1 << 14, 1 << 31])
def test_tiles_far_larger_than_the_film_are_damage(side: int) -> None:
    data = write_tiff(Page(values_of("i1"), tile=32))
    for tag in (322, 323):
        entry = struct.pack("<HHI", tag, 4, 1)
        assert data.count(entry) == 1
        data = data.replace(entry + struct.pack("<I", 32), entry + struct.pack("<I", side))
    assert refusal(lambda: read_header(data)).code == "damaged_header"


@pytest.mark.parametrize("dtype", ["i1", "f8"])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
def test_memory_is_bounded(dtype: str, compression: int, tmp_path: Path) -> None:
    """As in test_raster.py, for layouts that imagecodecs decodes."""
    tile = phantom.chest(PhantomSpec(1000, 1000, bits=8, seed=1)).astype(np.int16) - 128
    large = np.tile(tile, (5, 5)).astype(dtype)
    for name, values in (("small.tif", tile.astype(dtype)), ("large.tif", large)):
        (tmp_path / name).write_bytes(write_tiff(Page(values, compression=compression)))
    room = MEMORY_FACTOR * large.nbytes
    assert peak_of_second(tmp_path / "small.tif", tmp_path / "large.tif") < room
