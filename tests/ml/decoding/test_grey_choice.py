"""Rules that contradict the film are left out by network and viewer alike, with a note; all others are obeyed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.viewer_pixels import decode_values
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

FILM = chest(PhantomSpec(200, 160, bits=12, seed=7))


def dataset_with(film: NDArray[Any] = FILM, **values: Any) -> Dataset:
    dataset = pydicom.dcmread(BytesIO(explicit(film)))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"):
        dataset.pop(keyword, None)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def windows(*pairs: tuple[float, float], **values: Any) -> Dataset:
    centres, widths = zip(*pairs, strict=True)
    return dataset_with(WindowCenter=list(centres), WindowWidth=list(widths), **values)


def assert_alike(found: Dataset, expected: Dataset, codes: list[str]) -> None:
    """Show one film as the other, to network and viewer, with these notes."""
    data, other = written(found), written(expected)
    film = decode_dicom(data)
    assert np.array_equal(film.grey, decode_dicom(other).grey)
    assert [note.code for note in film.notes] == codes
    seen, plain = decode_values(data, "dicom"), decode_values(other, "dicom")
    assert np.array_equal(seen.codes, plain.codes)
    assert (seen.windows, seen.padding, seen.inverted) == (plain.windows, plain.padding, plain.inverted)
    assert (seen.curve is None) == (plain.curve is None)
    assert seen.curve is None or plain.curve is None or np.array_equal(seen.curve, plain.curve)


HIDING = {
    "below": (-5000, 100),
    "above": (60000, 500),
    "of one value": (3000, 1),
    "of few values": (100_000, 191_850),
}


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("name", ["below", "above", "of one value"])
def test_a_window_that_hides_the_film_is_ignored(name: str, function: str) -> None:
    dataset = windows(HIDING[name], VOILUTFunction=function)
    assert_alike(dataset, dataset_with(VOILUTFunction=function), ["window_outside_film"])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_next_window_that_shows_it_is_applied_and_hiding_ones_are_not_offered(photometric: str) -> None:
    values = {"PhotometricInterpretation": photometric}
    found = windows(HIDING["below"], (1800, 900), HIDING["above"], (2000, 3000), **values)
    assert_alike(found, windows((1800, 900), (2000, 3000), **values), ["window_outside_film"])


def test_a_hiding_window_after_one_that_shows_the_film_is_no_note() -> None:
    assert_alike(windows((1800, 900), HIDING["above"]), windows((1800, 900)), [])


def test_a_window_in_stored_values_of_a_rescaled_film() -> None:
    rescale: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -10_000}
    assert_alike(windows((2048, 4096), **rescale), dataset_with(**rescale), ["window_outside_film"])


def test_a_window_of_eight_bits_on_a_film_that_begins_above_it() -> None:
    film = (FILM // 2 + 1000).astype(np.uint16)
    found = dataset_with(film, WindowCenter=128, WindowWidth=256)
    assert_alike(found, dataset_with(film), ["window_of_eight_bits"])


@pytest.mark.parametrize(("centre", "width"), [(128, 256), (127.5, 255), (127, 255)])
def test_a_window_of_eight_bits_on_a_film_that_is_partly_below(centre: float, width: float) -> None:
    """A quarter of the film lies within, but most of it would be white."""
    film = np.where(np.arange(160) < 40, FILM // 17, FILM // 2 + 800).astype(np.uint16)
    found = dataset_with(film, WindowCenter=centre, WindowWidth=width)
    assert_alike(found, dataset_with(film), ["window_of_eight_bits"])
    rescaled = dataset_with(film, WindowCenter=centre, WindowWidth=width, RescaleSlope=1, RescaleIntercept=-1)
    assert decode_dicom(written(rescaled)).notes == ()  # in units of its own the window may be meant


def test_a_window_of_eight_bits_on_a_film_of_eight_bits_in_words() -> None:
    film = FILM >> 4
    shown = decode_dicom(written(dataset_with(film, WindowCenter=128, WindowWidth=256)))
    assert shown.notes == ()
    assert np.array_equal(shown.grey, decode_dicom(written(dataset_with(film))).grey)


def test_a_narrow_window_of_a_part_of_the_film_is_obeyed() -> None:
    """A window for the lungs leaves the rest black or white."""
    low, high = np.percentile(FILM[FILM > 0], [30, 40])
    film = decode_dicom(written(windows(((low + high) / 2, high - low))))
    assert film.notes == ()
    assert (film.grey == 0).mean() > 0.2
    assert (film.grey == 255).mean() > 0.3


def test_a_film_that_its_full_range_does_not_show_keeps_its_window() -> None:
    """Almost all of it is black either way; a rule is left out only where that helps."""
    film = np.zeros_like(FILM)
    film[:10, :10] = np.arange(100).reshape(10, 10) * 40
    shown = decode_dicom(written(dataset_with(film, WindowCenter=1000, WindowWidth=500)))
    assert shown.notes == ()
    assert shown.grey[:10, :10].max() == 255
    blank = decode_dicom(written(dataset_with(film, WindowCenter=9000, WindowWidth=500)))
    assert [note.code for note in blank.notes] == ["window_outside_film"]
    assert blank.grey.max() == 255


def test_a_film_of_one_value_stays_blank() -> None:
    film = decode_dicom(written(dataset_with(np.full_like(FILM, 7), WindowCenter=1000, WindowWidth=500)))
    assert film.grey.max() == 0


@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("ends", [(0, 4095), (0, 65535), (4095, 0)])
def test_padding_that_covers_the_film_is_ignored(ends: tuple[int, int], vr: str) -> None:
    found = dataset_with()
    for keyword, number in zip(("PixelPaddingValue", "PixelPaddingRangeLimit"), ends, strict=True):
        found.add_new(keyword, vr, number - 65536 * (vr == "SS" and number > 32767))
    assert_alike(found, dataset_with(), ["padding_ignored"])


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "u4"])
@pytest.mark.parametrize("window", [None, (0.45, 0.3), (9000, 2)])
def test_floats_and_long_integers(kind: str, window: tuple[float, float] | None) -> None:
    """They have no table, so that every pixel is converted by itself; a window may hide them too."""
    scale = 1.0 if kind[0] == "f" else 100_000
    values = (FILM / 4095 * scale).astype(kind)
    dataset = dataset_with(VOILUTFunction="LINEAR_EXACT")
    dataset.BitsAllocated = 8 * values.itemsize
    if kind[0] == "f":
        for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, keyword)
        setattr(dataset, "FloatPixelData" if kind == "f4" else "DoubleFloatPixelData", values.tobytes())
        values[0, 0] = np.nan
    else:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 32, 31, int(kind[0] == "i")
        dataset.PixelData = values.tobytes()
    low, high = values.astype(float)[np.isfinite(values)].min(), float(np.nanmax(values))
    codes = []
    if window:
        centre, width = window[0] * scale, window[1] * scale
        dataset.WindowCenter, dataset.WindowWidth = centre, width
        if window[0] < 1:
            low, high = centre - width / 2, centre + width / 2
        else:
            codes = ["window_outside_film"]
    film = decode_dicom(written(dataset))
    expected = ((np.nan_to_num(values.astype(float)) - low) / (high - low)).clip(0, 1) * 255
    assert np.abs(film.grey - expected)[1:].max() <= 0.51
    assert [note.code for note in film.notes] == codes
    assert len(decode_values(written(dataset), "dicom").windows) == (window is not None and not codes)


def test_colours_ignore_windows_and_tables() -> None:
    dataset = windows((-5000, 100), VOILUTSequence=[Dataset()])
    colours = np.repeat((FILM >> 4).astype(np.uint8)[..., None], 3, axis=-1)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = colours.tobytes()
    film = decode_dicom(written(dataset))
    assert film.notes == ()
    assert np.abs(film.grey.astype(float) - colours[..., 0] * (255 / colours.max())).max() <= 0.51
