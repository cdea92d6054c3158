"""Numbers in any value representation (VR): a cleaned film has the grey levels and the values of the original one."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ml.decoding.pixel_shape import SPACING_KEYWORDS
from ml.decoding.preprocess import load
from ml.decoding.viewer_pixels import decode_values
from ml.phantom.film import PhantomSpec, chest
from screening.deidentification import CleanedFile, clean_file
from tests.ml.compressed import explicit, written
from tests.screening.deidentification.planting import KEY

FILM = np.pad(chest(PhantomSpec(96, 80, bits=12, seed=9)) // 2 + 100, 8, constant_values=40)
BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
VRS = (*BINARY, "IS", "DS", "LO", "UN")
TEXT = ("DS", "IS", "LO")
NUMBERS: dict[str, tuple[float, ...]] = {
    "RescaleSlope": (2.0,),
    "RescaleIntercept": (-300.0,),
    "WindowCenter": (900.0, 1200.0),
    "WindowWidth": (700.0, 1500.0),
    "PixelPaddingValue": (40.0,),
    "PixelPaddingRangeLimit": (60.0,),
    "PixelSpacing": (2.0, 1.0),
    "ImagerPixelSpacing": (3.0, 2.0),
    "NominalScannedPixelSpacing": (1.0, 2.0),
    "PixelAspectRatio": (4.0, 3.0),
}
PIXELS = {
    "Rows": FILM.shape[0],
    "Columns": FILM.shape[1],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "SamplesPerPixel": 1,
    "PixelRepresentation": 0,
    "NumberOfFrames": 1,
}
COMPANIONS: dict[str, dict[str, Any]] = {
    "RescaleSlope": {"RescaleIntercept": "0"},
    "RescaleIntercept": {"RescaleSlope": "-1"},
    "PixelPaddingRangeLimit": {"PixelPaddingValue": 30},
}


def encode(numbers: tuple[float, ...], vr: str, keyword: str, random: np.random.Generator) -> bytes:
    """Return numbers in a VR, in a spelling that is drawn."""
    if vr == "UN":
        standard = dictionary_VR(keyword)
        vr = "US" if standard not in TEXT else standard
    if vr in BINARY:
        if vr in ("US", "UL"):
            numbers = tuple(abs(number) for number in numbers)
        values = numbers if vr in ("FL", "FD") else [int(number) for number in numbers]
        return struct.pack(f"<{len(numbers)}{BINARY[vr]}", *values)
    forms = ("{:g}", "{:.1f}", "{:g}\t", " {:g} ", "{:+g}", "{:.6e}", "{:.4f} mm", "{:.30f}")
    texts = [str(random.choice(forms)).format(number) for number in numbers]
    if keyword not in PIXELS and random.random() < 0.3:
        texts = [f"{number:.2f}".replace(".", ",") for number in numbers]
    padding = str(random.choice(["", " ", "\0", "  "]))
    text = "\\".join(texts) + padding
    return (text + " " * (len(text) % 2)).encode()


def film_with(keyword: str, vr: str, value: bytes) -> bytes:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM, **COMPANIONS.get(keyword, {}))))
    for spacing in SPACING_KEYWORDS:
        dataset.pop(spacing, None)
    dataset[Tag(keyword)] = RawDataElement(Tag(keyword), vr, len(value), value, 0, False, True)
    data = written(dataset)
    assert value in data
    return data


def assert_same_film(data: bytes) -> CleanedFile:
    cleaned = clean_file(data, "dicom", KEY)
    before, after = load(data), load(cleaned.data)
    assert np.array_equal(before.pixels, after.pixels)
    assert before.notes == after.notes
    old, new = decode_values(data, "dicom"), decode_values(cleaned.data, "dicom")
    assert np.array_equal(old.codes, new.codes)
    assert old.windows == new.windows
    assert (old.slope, old.intercept, old.padding, old.inverted) == (
        new.slope,
        new.intercept,
        new.padding,
        new.inverted,
    )
    return cleaned


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("keyword", NUMBERS)
def test_the_cleaned_film_looks_like_the_original(keyword: str, vr: str) -> None:
    for seed in range(4):
        random = np.random.default_rng(seed)
        value = encode(NUMBERS[keyword], vr, keyword, random)
        cleaned = assert_same_film(film_with(keyword, vr, value))
        element = pydicom.dcmread(BytesIO(cleaned.data))[keyword]
        assert element.VR in dictionary_VR(keyword)
        assert clean_file(cleaned.data, "dicom", KEY).removed == ()


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("keyword", NUMBERS)
def test_the_number_has_an_effect(keyword: str, vr: str) -> None:
    """Otherwise the test above could not fail."""
    value = encode(NUMBERS[keyword], vr, keyword, np.random.default_rng(0))
    assert not is_as_without(keyword, film_with(keyword, vr, value))


def is_as_without(keyword: str, data: bytes) -> bool:
    dataset = pydicom.dcmread(BytesIO(data))
    del dataset[keyword]
    with_number, without = decode_values(data, "dicom"), decode_values(written(dataset), "dicom")
    same_codes = np.array_equal(with_number.codes, without.codes)
    keys = ("slope", "intercept", "padding", "windows")
    return same_codes and all(getattr(with_number, key) == getattr(without, key) for key in keys)


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("keyword", PIXELS)
def test_numbers_that_describe_the_pixels(keyword: str, vr: str) -> None:
    for seed in range(4):
        value = encode((float(PIXELS[keyword]),), vr, keyword, np.random.default_rng(seed))
        data = film_with(keyword, vr, value)
        assert np.array_equal(load(data).pixels, load(explicit(FILM)).pixels)
        assert_same_film(data)


def test_text_in_the_place_of_a_number_goes() -> None:
    for keyword in NUMBERS:
        for vr in ("LO", "DS", "FD", "UN"):
            cleaned = clean_file(film_with(keyword, vr, b"DOE^JANE"), "dicom", KEY)
            assert b"DOE^JANE" not in cleaned.data
