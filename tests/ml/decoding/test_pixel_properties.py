"""Films with random legal headers: the working picture is what the standard says, and what DCMTK shows.

``PROPERTY_DRAWS=1000`` draws a thousand films instead of some; ``make property`` does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.preprocess import decode
from tests.ml.compressed import explicit
from tests.ml.dcmtk import is_comparable, needs_tools, reference_picture, reference_shape
from tests.ml.drawn_headers import LOSSY_NAMES, DrawnFilm, base_film, draw_film

DRAWS = int(os.environ.get("PROPERTY_DRAWS", "150"))
GROUPS = 10  # tests that share the draws
MIDDLE = 98  # percent of the pixels, those that differ most left out
ROUNDING = 0.51  # grey levels
REFERENCE_BOUND = 1.0
LOSSY_BOUND = 6.0  # the median of lossy streams against the film before it was encoded


def seeds(group: int) -> range:
    return range(group, DRAWS, GROUPS)


def differences(film: DrawnFilm, found: NDArray[np.uint8], expected: NDArray[np.float64]) -> float:
    difference = np.abs(found.astype(float) - expected)[film.inside]
    return float(np.percentile(difference, MIDDLE))


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_working_picture_is_what_the_standard_says(group: int) -> None:
    for seed in seeds(group):
        film = draw_film(seed)
        decoded = decode_dicom(film.data)
        lossy = film.header["syntax"] in LOSSY_NAMES
        difference = np.abs(decoded.grey - film.expected)
        if lossy:  # how far a pixel may be off depends on the window
            assert np.median(difference) <= LOSSY_BOUND, (seed, film.header)
        else:
            assert difference.max() <= ROUNDING, (seed, film.header)
        assert decoded.notes == (), (seed, film.header)


@needs_tools
@pytest.mark.parametrize("group", range(GROUPS))
def test_the_working_picture_is_what_dcmtk_shows(group: int, tmp_path: Path) -> None:
    """Only the film itself is compared, spread anew: DCMTK shows padding as film, against PS3.3 C.7.5.1.1.2."""
    for seed in seeds(group):
        film = draw_film(seed)
        if not is_comparable(film):
            continue
        shown = reference_picture(film, tmp_path)
        low, high = shown[film.inside].min(), shown[film.inside].max()
        expected = (shown - low) * (255 / (high - low))
        found = decode_dicom(film.data).grey
        assert differences(film, found, expected) <= REFERENCE_BOUND, (seed, film.header)


SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")


@needs_tools
@pytest.mark.parametrize("keyword", SPACINGS)
@pytest.mark.parametrize("seed", range(5))
def test_films_with_pixels_that_are_not_square_have_the_shape_that_dcmtk_gives_them(
    seed: int, keyword: str, tmp_path: Path
) -> None:
    """DCMTK scales to a width and computes the height by the spacing."""
    random = np.random.default_rng(seed)
    ratio = [int(number) for number in random.integers(10, 30, 2)]
    film = np.round(base_film(seed) * 4095).astype(np.uint16)[:, : int(random.integers(90, 121))]
    numbers: Any = ratio if keyword == "PixelAspectRatio" else [number / 100 for number in ratio]
    data = explicit(np.ascontiguousarray(film), **{keyword: numbers})
    height, width = decode(data, "dicom").pixels.shape
    shape = reference_shape(data, ["+Sxv", str(width)], tmp_path)
    assert shape[1] == width
    assert abs(shape[0] - height) <= 1
