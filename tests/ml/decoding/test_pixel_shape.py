"""Films whose pixels are not square: stretched for the network, the pictures and the viewer alike."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from ml.decoding.pixel_shape import read_pixel_shape, stretch_to_square
from ml.decoding.preprocess import load
from ml.decoding.viewer_pixels import decode_values
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

FILM = chest(PhantomSpec(480, 400, bits=12, seed=3))
TALL, WIDE = FILM[::2], FILM[:, ::2]  # pixels twice as tall as wide, and the other way


def film_with(pixels: NDArray[Any], **header: Any) -> bytes:
    dataset = pydicom.dcmread(BytesIO(explicit(np.ascontiguousarray(pixels))))
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        dataset.pop(keyword, None)
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return written(dataset)


def shape_of(**header: Any) -> tuple[float, list[str]]:
    dataset = Dataset()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    shape = read_pixel_shape(dataset)
    return shape.aspect, [note.code for note in shape.notes]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, (1.0, [])),
        ({"PixelSpacing": ["0.4", "0.2"]}, (2.0, ["pixels_stretched"])),
        ({"ImagerPixelSpacing": ["0.1", "0.2"]}, (0.5, ["pixels_stretched"])),
        ({"NominalScannedPixelSpacing": ["0.3", "0.2"]}, (1.5, ["pixels_stretched"])),
        ({"PixelAspectRatio": ["4", "3"]}, (4 / 3, ["pixels_stretched"])),
        ({"PixelSpacing": ["0.2", "0.2"], "PixelAspectRatio": ["2", "1"]}, (1.0, [])),
        ({"PixelSpacing": ["0.143", "0.1431"]}, (1.0, [])),
        ({"PixelSpacing": ["0", "0.2"], "PixelAspectRatio": ["2", "1"]}, (2.0, ["pixels_stretched"])),
        ({"PixelSpacing": ["-0.4", "0.2"]}, (1.0, [])),
        ({"PixelSpacing": "0.4"}, (1.0, [])),
        ({"PixelSpacing": ""}, (1.0, [])),
        ({"PixelSpacing": ["1000", "0.2"]}, (1.0, ["spacing_ignored"])),
        (
            {"PixelSpacing": ["1000", "0.2"], "ImagerPixelSpacing": ["0.4", "0.2"]},
            (2.0, ["spacing_ignored", "pixels_stretched"]),
        ),
    ],
)
def test_shape_by_header(header: dict[str, Any], expected: tuple[float, list[str]]) -> None:
    aspect, notes = shape_of(**header)
    assert aspect == pytest.approx(expected[0])
    assert notes == expected[1]


HEADERS = {
    "tall": (TALL, {"PixelSpacing": ["0.4", "0.2"]}),
    "tall, at the detector": (TALL, {"ImagerPixelSpacing": ["0.4", "0.2"]}),
    "wide": (WIDE, {"PixelAspectRatio": ["1", "2"]}),
    "wide, digitised": (WIDE, {"NominalScannedPixelSpacing": ["0.1", "0.2"]}),
}


@pytest.mark.parametrize("name", HEADERS)
def test_film_has_the_shape_of_the_one_with_square_pixels(name: str) -> None:
    pixels, header = HEADERS[name]
    square, stretched = load(film_with(FILM)), load(film_with(pixels, **header))
    assert stretched.pixels.shape == square.pixels.shape
    difference = np.abs(stretched.pixels.astype(int) - square.pixels)
    assert np.percentile(difference, 95) <= 24  # every second row is lost; noise of the phantom is in the rest
    assert np.corrcoef(stretched.pixels.ravel(), square.pixels.ravel())[0, 1] > 0.99
    assert [note.code for note in stretched.notes] == ["pixels_stretched"]
    assert square.notes == ()


@pytest.mark.parametrize("name", HEADERS)
def test_viewer_has_the_shape_of_the_network(name: str) -> None:
    pixels, header = HEADERS[name]
    shown = decode_values(film_with(pixels, **header), "dicom")
    assert shown.codes.shape == FILM.shape
    units = shown.codes * shown.slope + shown.intercept
    step = (slice(None, None, 2), slice(None)) if pixels is TALL else (slice(None), slice(None, None, 2))
    near = np.abs(units[step] - pixels) <= (int(pixels.max()) - int(pixels.min())) / 4
    assert near.mean() > 0.98
    small = decode_values(film_with(pixels, **header), "dicom", max_shown_pixels=FILM.size // 4)
    assert small.codes.size <= FILM.size // 4
    ratio = small.codes.shape[0] / small.codes.shape[1]
    assert ratio == pytest.approx(FILM.shape[0] / FILM.shape[1], rel=0.02)


def test_no_value_lies_between_padding_and_the_film() -> None:
    film = np.full((64, 128), 1000, dtype=np.uint16)
    film[10:50, 10:100] = 1100
    film[:, :5] = 4000
    dataset = pydicom.dcmread(BytesIO(film_with(film, PixelSpacing=["0.5", "0.2"])))
    dataset.add_new("PixelPaddingValue", "US", 4000)
    shown = decode_values(written(dataset), "dicom")
    assert shown.codes.shape == (160, 128)
    inside = shown.codes[shown.codes != shown.padding]
    assert (inside * shown.slope + shown.intercept).max() <= 1100
    assert (shown.codes[:, :5] == shown.padding).all()


@pytest.mark.parametrize("aspect", [1.25, 2.0, 0.4])
def test_rows_are_interpolated_as_pillow_does(aspect: float) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 60)).astype(np.uint8)
    stretched = stretch_to_square(picture, aspect)
    size = (stretched.shape[1], stretched.shape[0])
    assert size == ((60, round(40 * aspect)) if aspect > 1 else (round(60 / aspect), 40))
    expected = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    assert np.abs(stretched.astype(int) - expected).max() <= 1


def test_a_large_film_is_stretched_and_reduced_in_one_step() -> None:
    film = np.tile(np.arange(3000, dtype=np.uint16) % 4096, (800, 1))
    picture = load(film_with(film, PixelSpacing=["0.5", "0.2"]))
    assert picture.pixels.shape == (round(2000 * 1024 / 3000), 1024)
