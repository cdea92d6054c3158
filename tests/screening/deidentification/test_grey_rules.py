"""Cleaning leaves what gives the pixels their meaning, so that a cleaned film looks as the original did."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from ml.decoding.dicom_pixels import decode_dicom
from ml.phantom.film import PhantomSpec, chest
from screening.deidentification.dicom import clean_file
from tests.ml.compressed import explicit, written
from tests.ml.drawn_headers import draw_film

KEY, MAX_PIXELS = bytes(32), 10_000_000
FILM = chest(PhantomSpec(96, 80, bits=12, seed=7))
CURVE = (np.sqrt(np.arange(4096) / 4095) * 255).round().astype(np.uint8)


def assert_looks_the_same(data: bytes, codes: list[str] | None = None) -> Dataset:
    cleaned = clean_file(data, KEY, MAX_PIXELS).data
    film, before = decode_dicom(cleaned), decode_dicom(data)
    assert np.array_equal(film.grey, before.grey)
    assert film.notes == before.notes
    assert codes is None or [note.code for note in film.notes] == codes
    return pydicom.dcmread(BytesIO(cleaned))


@pytest.mark.parametrize("seed", range(30))
def test_films_with_random_legal_headers(seed: int) -> None:
    assert_looks_the_same(draw_film(seed).data)


def with_texts(**texts: str) -> bytes:
    """A film whose file has these texts as values, whatever the standard says of them."""
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    lengths = {keyword: len(text) + len(text) % 2 for keyword, text in texts.items()}
    places = {keyword: str(7 - number) * length for number, (keyword, length) in enumerate(lengths.items())}
    for keyword, place in places.items():
        setattr(dataset, keyword, place)
    data = written(dataset)
    for keyword, place in places.items():
        assert data.count(place.encode()) == 1
        data = data.replace(place.encode(), texts[keyword].ljust(len(place)).encode())
    return data


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        ({"WindowCenter": "1800,5", "WindowWidth": "900,25"}, ["decimal_comma"]),
        ({"WindowCenter": "????\\1800", "WindowWidth": "4000\\900"}, ["window_unreadable"]),
        ({"WindowCenter": "2000\\1800", "WindowWidth": "     \\900"}, ["window_unreadable"]),
        ({"WindowCenter": "2000\\1800", "WindowWidth": "-500\\900"}, ["window_without_width"]),
        ({"RescaleSlope": "0,50", "RescaleIntercept": "-1024,5"}, ["decimal_comma"]),
    ],
)
def test_numbers_that_are_not_as_the_standard_wants_them(texts: dict[str, str], codes: list[str]) -> None:
    assert_looks_the_same(with_texts(**texts), codes)


def test_text_in_the_place_of_a_number_is_removed() -> None:
    data = with_texts(WindowCenter="DOE^JANE\\1800,5", WindowWidth="4000\\900")
    cleaned = clean_file(data, KEY, MAX_PIXELS)
    assert b"DOE" not in cleaned.data
    assert any("Window Center" in name for name in cleaned.removed)
    assert_looks_the_same(data, ["window_unreadable", "decimal_comma"])


def test_of_two_padding_values_the_first_counts() -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(np.pad(FILM // 2, 9, constant_values=4000))))
    dataset.add_new("PixelPaddingValue", "US", [4000, 1])
    cleaned = assert_looks_the_same(written(dataset))
    assert decode_dicom(written(cleaned)).grey[0, 0] == 0


@pytest.mark.parametrize("count", [4095, 4096])
@pytest.mark.parametrize("vr", ["OW", "OB", "UN"])
def test_tables_of_bytes(vr: str, count: int) -> None:
    item: Any = Dataset()
    item.add_new("LUTDescriptor", "US", [count, 0, 8])
    item.add_new("LUTData", vr, CURVE[:count].tobytes())
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    dataset.VOILUTSequence = [item]
    assert_looks_the_same(written(dataset), [])
