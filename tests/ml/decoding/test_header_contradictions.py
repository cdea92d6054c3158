"""Headers that contradict the pixels, or describe pixels that are not read: read right, or refused by name."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.decoding.viewer_pixels import decode_values
from ml.errors import FilmError
from ml.phantom.film import PhantomSpec, chest
from screening.deidentification import clean_file
from tests.ml.compressed import explicit, written
from tests.ml.helpers import refusal
from tests.ml.streams import encapsulated, native

FILM = chest(PhantomSpec(120, 100, bits=12, seed=3))
BYTES = (FILM >> 4).astype(np.uint8)
KEY = b"key"
PLAIN = uid.ExplicitVRLittleEndian


def shown(data: bytes) -> tuple[NDArray[np.uint8], list[str]]:
    """The picture and the notes of a film that went through intake, cleaning and decoding."""
    refuse_unfit(read_header(data))
    cleaned = clean_file(data, "dicom", KEY).data
    refuse_unfit(read_header(cleaned))
    before, after = load(data), load(cleaned)
    assert np.array_equal(before.pixels, after.pixels)
    assert decode_values(cleaned, "dicom").codes.shape == after.pixels.shape
    return after.pixels, [note.code for note in after.notes]


def intake_error(data: bytes) -> FilmError:
    return refusal(lambda: refuse_unfit(read_header(data)))


def colour_film(values: NDArray[np.uint8], photometric: str, samples: int = 3) -> bytes:
    """A film of one byte a sample whose Pixel Data are these values, whatever the header says of them."""
    colours = {"SamplesPerPixel": samples, "PhotometricInterpretation": photometric, "PlanarConfiguration": 0}
    dataset = pydicom.dcmread(BytesIO(explicit(BYTES, 8)))
    dataset.PixelData = values.tobytes()
    for keyword, value in colours.items():
        setattr(dataset, keyword, value)
    return written(dataset)


def stacked(*planes: NDArray[Any] | np.uint8) -> NDArray[np.uint8]:
    return np.stack([np.broadcast_to(plane, BYTES.shape) for plane in planes], axis=-1).astype(np.uint8)


NEUTRAL = np.uint8(128)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422", "YBR_FULL"])
def test_three_values_a_pixel_are_not_subsampled(photometric: str) -> None:
    data = colour_film(stacked(BYTES, NEUTRAL, NEUTRAL), photometric)
    expected = load(explicit(BYTES, 8)).pixels
    assert np.abs(shown(data)[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_two_values_a_pixel_are_subsampled(photometric: str) -> None:
    first, second = BYTES[:, 0::2], BYTES[:, 1::2]
    neutral = np.full_like(first, NEUTRAL)
    data = colour_film(np.stack([first, second, neutral, neutral], axis=-1), photometric)
    expected = load(explicit(BYTES, 8)).pixels
    assert np.abs(shown(data)[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("photometric", "samples", "what"),
    [
        ("CMYK", 4, "Photometric Interpretation CMYK"),
        ("ARGB", 4, "Photometric Interpretation ARGB"),
        ("MONOCHROME2", 2, "2 samples a pixel"),
        ("RGB", 4, "4 samples a pixel"),
    ],
)
def test_layouts_that_are_not_read_are_named_at_intake(photometric: str, samples: int, what: str) -> None:
    error = intake_error(colour_film(stacked(*[BYTES] * samples), photometric, samples))
    assert error.code == "unsupported_layout"
    assert what in error.detail


def test_a_stream_with_transparency_is_named_at_intake() -> None:
    frame = bytes(imagecodecs.jpeg2k_encode(stacked(BYTES, BYTES), codecformat="j2k", reversible=True))
    error = intake_error(encapsulated(explicit(BYTES, 8), [frame], uid.JPEG2000Lossless))
    assert error.code == "unsupported_layout"
    assert "2 samples" in error.detail


@pytest.mark.parametrize("text", ["MONOCHROME", "GREY", "MONOCHROME3", "JANE DOE"])
def test_an_unknown_photometric_interpretation_is_not_called_missing(text: str) -> None:
    error = intake_error(native(FILM, 12, PLAIN, PhotometricInterpretation=text))
    assert error.code == "attribute_missing"
    assert "Photometric Interpretation (0028,0004) that is not known" in error.detail
    assert text not in error.detail


@pytest.mark.parametrize(
    ("tables", "name"),
    [
        ({}, "Red Palette Color Lookup Table Descriptor (0028,1101)"),
        ({"RedPaletteColorLookupTableDescriptor": [256, 0, 16]}, "Red Palette Color Lookup Table Data (0028,1201)"),
    ],
)
def test_a_missing_palette_is_named_at_intake(tables: dict[str, Any], name: str) -> None:
    error = intake_error(native(BYTES, 8, PLAIN, PhotometricInterpretation="PALETTE COLOR", **tables))
    assert error.code == "attribute_missing"
    assert name in error.detail


@pytest.mark.parametrize("value", [2, 3, 256, 65535])
def test_a_pixel_representation_of_neither_value_is_unsigned(value: int) -> None:
    pixels, notes = shown(native(FILM, 12, PLAIN, PixelRepresentation=value))
    assert np.array_equal(pixels, load(explicit(FILM)).pixels)
    assert notes == ["header_corrected"]


@pytest.mark.parametrize(
    "bits", [{"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, {"BitsStored": 1, "HighBit": 0}]
)
def test_one_bit_is_refused_at_intake(bits: dict[str, int]) -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(BYTES // 255, 8)))
    if "BitsAllocated" in bits:
        dataset.PixelData = np.packbits(BYTES > 127, bitorder="little").tobytes()
    for keyword, number in bits.items():
        setattr(dataset, keyword, number)
    assert intake_error(written(dataset)).code == "one_bit"


@pytest.mark.parametrize("bits", [12, 16])
def test_a_signed_stream_is_signed_whatever_the_header_says(bits: int) -> None:
    film = (FILM.astype(np.int32) - 2048).astype(np.int16) * (16 if bits == 16 else 1)
    frame = bytes(imagecodecs.jpeg2k_encode(film, codecformat="j2k", bitspersample=bits, reversible=True))
    right, wrong = (
        encapsulated(explicit(FILM, bits), [frame], uid.JPEG2000Lossless, PixelRepresentation=sign, WindowCenter=0)
        for sign in (1, 0)
    )
    pixels, notes = shown(wrong)
    assert np.array_equal(pixels, shown(right)[0])
    assert "header_corrected" in notes
    assert np.corrcoef(pixels.ravel(), load(explicit(FILM)).pixels.ravel())[0, 1] > 0.9
