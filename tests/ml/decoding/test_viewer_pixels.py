"""A film's own values: what pydicom and Pillow give, to the last bit, and in the film's own units."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from ml.decoding.dicom_codecs import register
from ml.decoding.grey_rules import Window
from ml.decoding.pixel_shape import read_pixel_shape, square_size
from ml.decoding.signatures import detect_kind
from ml.decoding.viewer_pixels import FilmValues, decode_values
from ml.phantom.film import PhantomSpec, chest, dicom_bytes
from tests.ml.decoding.test_dicom_pixels import public_films
from tests.ml.helpers import dicom_with, encoded, refusal

RAMP = np.arange(80 * 80, dtype=np.uint16).reshape(80, 80) % 4096


def units(film: FilmValues) -> NDArray[Any]:
    return film.codes * film.slope + film.intercept


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", public_films(), ids=lambda path: path.name)
def test_public_films_have_the_values_that_pydicom_gives(path: Path) -> None:
    register()
    dataset = pydicom.dcmread(path)
    try:
        values = apply_modality_lut(dataset.pixel_array, dataset)
    except Exception:
        assert refusal(lambda: decode_values(path.read_bytes(), "dicom")).code in {
            "damaged_pixels",
            "too_large_unpacked",
        }
        return
    if dataset.BitsAllocated == 1:
        assert refusal(lambda: decode_values(path.read_bytes(), "dicom")).code == "one_bit"
        return
    film = decode_values(path.read_bytes(), detect_kind(path.read_bytes()))
    aspect = read_pixel_shape(dataset).aspect
    if dataset.SamplesPerPixel > 1 or dataset.PhotometricInterpretation == "PALETTE COLOR" or aspect != 1:
        assert film.codes.shape == square_size(values.shape[1], values.shape[0], aspect)[::-1]
        return
    inside = film.codes != film.padding if film.padding is not None else np.ones(values.shape, dtype=bool)
    if np.ptp(values[inside].astype(np.float64)) <= 65_535 * abs(film.slope):
        np.testing.assert_allclose(units(film)[inside], values[inside], rtol=0, atol=abs(film.slope) / 2 + 1e-9)
    assert film.inverted == (dataset.PhotometricInterpretation == "MONOCHROME1")


def test_values_and_window_are_in_the_films_own_units() -> None:
    film = decode_values(
        dicom_with(
            RAMP, RescaleSlope=0.5, RescaleIntercept=-1000, WindowCenter=[-400, 40], WindowWidth=[1500, 400],
            WindowCenterWidthExplanation=["LUNG", "BONE"],
        ),
        "dicom",
    )  # fmt: skip
    assert film.codes.dtype == np.uint16
    assert np.array_equal(units(film), RAMP * 0.5 - 1000)
    assert film.windows == (Window("LUNG", -400, 1500), Window("BONE", 40, 400))
    assert (film.bits, film.scale, film.exact, film.curve) == (12, 1, False, None)


def test_a_window_without_width_is_no_window() -> None:
    assert decode_values(dicom_with(RAMP, WindowCenter=100, WindowWidth=0), "dicom").windows == ()
    exact = decode_values(
        dicom_with(RAMP, RescaleSlope=1 / 4096, WindowCenter=0.5, WindowWidth=0.25, VOILUTFunction="LINEAR_EXACT"),
        "dicom",
    )
    assert (exact.windows, exact.exact) == ((Window("", 0.5, 0.25),), True)


def test_signed_values_keep_their_sign() -> None:
    signed = RAMP.astype(np.int16) - 2048
    film = decode_values(dicom_with(signed, PixelRepresentation=1, BitsStored=16, HighBit=15), "dicom")
    assert np.array_equal(units(film), signed)
    assert int(film.codes.min()) == 0


def test_low_is_bright_is_said_and_not_done() -> None:
    spec = PhantomSpec(120, 100, bits=12, seed=3)
    film = decode_values(dicom_bytes(spec, monochrome1=True), "dicom")
    assert film.inverted
    assert np.array_equal(units(film), 4095 - chest(spec).astype(int))


def test_what_lies_outside_the_film_has_a_code_of_its_own() -> None:
    pixels = RAMP // 16 + 300
    pixels[:10] = 4000
    film = decode_values(dicom_with(pixels, PixelPaddingValue=4000), "dicom")
    assert film.padding == int(film.codes.max())
    assert (film.codes[:10] == film.padding).all()
    assert np.array_equal(units(film)[10:], pixels[10:])
    assert (film.codes[10:] != film.padding).all()


def test_padding_may_be_a_range() -> None:
    pixels = RAMP // 16 + 300
    pixels[:10], pixels[10:20] = 3000, 4000
    film = decode_values(_with_range(pixels), "dicom")
    assert (film.codes[:20] == film.padding).all()
    assert (film.codes[20:] != film.padding).all()


def _with_range(pixels: NDArray[Any]) -> bytes:
    dataset = pydicom.dcmread(BytesIO(dicom_with(pixels, PixelPaddingValue=4000)))
    dataset.add_new("PixelPaddingRangeLimit", "US", 3000)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def _voi_table() -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 12])
    item.add_new("LUTData", "US", (np.sqrt(np.arange(4096) / 4095) * 4095).astype(int).tolist())
    return item


@pytest.mark.parametrize("header", ["table", "sigmoid"])
def test_a_curve_of_the_headers_own_comes_along(header: str) -> None:
    values: dict[str, Any] = (
        {"VOILUTSequence": [_voi_table()]} if header == "table"
        else {"VOILUTFunction": "SIGMOID", "WindowCenter": 2000, "WindowWidth": 800}
    )  # fmt: skip
    data = dicom_with(RAMP, **values)
    film = decode_values(data, "dicom")
    assert film.curve is not None
    dataset = pydicom.dcmread(BytesIO(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset).astype(int), dataset).astype(float)
    expected = (shown - shown.min()) / (shown.max() - shown.min()) * 255
    assert np.abs(film.curve[film.codes] - expected).max() <= 0.51


def test_deep_pictures_keep_every_value_and_shallow_ones_their_byte() -> None:
    deep_png = decode_values(encoded(Image.fromarray(RAMP), "PNG"), "png")
    assert np.array_equal(units(deep_png), RAMP)
    assert (deep_png.bits, deep_png.windows) == (16, ())
    grey = (RAMP % 256).astype(np.uint8)
    shallow = decode_values(encoded(Image.fromarray(grey), "PNG"), "png")
    assert shallow.codes.dtype == np.uint8
    assert shallow.bits == 8
    assert np.array_equal(units(shallow), grey)


@pytest.mark.parametrize("values", [RAMP, RAMP.astype(np.float32) / 4096 - 0.5, RAMP.astype(np.int32) * 100])
def test_tiff_of_any_depth(values: NDArray[Any]) -> None:
    film = decode_values(encoded(Image.fromarray(values), "TIFF"), "tiff")
    np.testing.assert_allclose(units(film), values, rtol=0, atol=film.slope / 2 + 1e-9)
    assert film.exact == (film.slope != 1.0)


def test_a_jpeg_comes_at_its_own_size_whatever_the_working_picture_has() -> None:
    spec = PhantomSpec(1500, 1800, seed=2)
    film = decode_values(encoded(Image.fromarray(chest(spec)), "JPEG", quality=95), "jpeg")
    assert film.codes.shape == (1500, 1800)
    assert np.abs(units(film) - chest(spec)).mean() < 3


def test_colour_is_shown_grey() -> None:
    colours = np.zeros((80, 80, 3), dtype=np.uint8)
    colours[..., 1] = 200
    assert (units(decode_values(encoded(Image.fromarray(colours), "PNG"), "png")) == round(200 * 0.587)).all()


def test_a_film_too_large_is_averaged_by_a_whole_factor() -> None:
    film = decode_values(encoded(Image.fromarray(RAMP), "PNG"), "png", max_shown_pixels=1000)
    assert (film.scale, film.codes.shape) == (3, (26, 26))
    expected = RAMP[:78, :78].reshape(26, 3, 26, 3).mean(axis=(1, 3))
    assert np.abs(units(film) - expected).max() <= 0.5


def test_padding_does_not_count_in_an_average() -> None:
    pixels = np.where(np.arange(80) % 3 == 0, 4000, 1000).astype(np.uint16) * np.ones((80, 1), dtype=np.uint16)
    pixels[60:] = 4000
    film = decode_values(dicom_with(pixels, PixelPaddingValue=4000), "dicom", max_shown_pixels=1600)
    assert film.scale == 2
    assert (units(film)[:30] == 1000).all()
    assert (film.codes[30:] == film.padding).all()


def test_a_damaged_film_says_so() -> None:
    whole = encoded(Image.fromarray(RAMP), "PNG")
    assert refusal(lambda: decode_values(whole[: len(whole) // 2], "png")).code == "damaged_pixels"
    assert refusal(lambda: decode_values(dicom_with(RAMP)[:-6000], "dicom")).code == "damaged_pixels"
