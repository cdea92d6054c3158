"""Borders that stand for no film: network and viewer leave out the same pixels, and the film is as without them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.grey_rules import read_grey_rules
from ml.decoding.grey_transforms import is_padding
from ml.decoding.stored_words import BitField, Padding, read_padding
from ml.decoding.viewer_pixels import decode_values
from ml.note_codes import PADDING_IGNORED
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

BORDER = 12  # pixels
SEEDS = range(24)
Pixels = NDArray[Any]


def dtype_of(bits: int, signed: bool) -> np.dtype[Any]:
    return np.dtype(f"{'i' if signed else 'u'}{1 if bits == 8 else 2}")


def film_of(bits: int, signed: bool) -> tuple[Pixels, tuple[int, int]]:
    """A film that leaves the top quarter of all values free, and the ends of that quarter."""
    lowest = -(1 << (bits - 1)) if signed else 0
    every = 1 << bits
    film = chest(PhantomSpec(96, 80, bits=bits, seed=7)).astype(np.int64) * 3 // 4 + lowest
    return film.astype(dtype_of(bits, signed)), (lowest + every * 3 // 4 + 1, lowest + every - 1)


def framed(film: Pixels, border: Pixels | int) -> tuple[Pixels, NDArray[np.bool_]]:
    """A film with a border, and where that is."""
    outside = np.ones(film.shape, dtype=np.bool_)
    outside[BORDER:-BORDER, BORDER:-BORDER] = False
    return np.where(outside, border, film).astype(film.dtype), outside


def packed(film: Pixels, bits: int, **values: Any) -> Dataset:
    representation = int(film.dtype.kind == "i")
    dataset = pydicom.dcmread(BytesIO(explicit(film, bits, PixelRepresentation=representation, **values)))
    dataset.pop("PresentationLUTShape", None)
    del dataset.WindowCenter, dataset.WindowWidth
    return dataset


def pad(dataset: Dataset, value: int, limit: int | None, vr: str) -> bytes:
    """Name the values of a border; a VR of the other sign holds the same 16 bits."""
    for keyword, number in (("PixelPaddingValue", value), ("PixelPaddingRangeLimit", limit)):
        if number is not None:
            bits = number & 0xFFFF
            dataset.add_new(keyword, vr, bits - 0x10000 if vr == "SS" and bits & 0x8000 else bits)
    return written(dataset)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_border_within_the_range_changes_no_grey_level_of_the_film(seed: int) -> None:
    random = np.random.default_rng(seed)
    bits, signed = int(random.choice([8, 12, 16])), bool(random.integers(2))
    photometric, vr = f"MONOCHROME{random.integers(1, 3)}", str(random.choice(["US", "SS"]))
    rescale = {
        "RescaleSlope": float(random.choice([1, 2.5, -0.5])),
        "RescaleIntercept": int(random.integers(-999, 999)),
    }
    film, ends = film_of(bits, signed)
    border = random.integers(ends[0], ends[1], film.shape, endpoint=True)
    dark = (photometric == "MONOCHROME1") != (rescale["RescaleSlope"] < 0)
    inside = film[BORDER:-BORDER, BORDER:-BORDER]
    plain, _ = framed(film, inside.max() if dark else inside.min())
    padded, outside = framed(film, border)
    header = {"PhotometricInterpretation": photometric, **rescale}
    first, second = (int(end) for end in random.permutation(ends))
    data = pad(packed(padded, bits, **header), first, second, vr)
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(written(packed(plain, bits, **header))).grey)
    viewed = decode_values(data, "dicom")
    assert viewed.padding is not None
    assert np.array_equal(viewed.codes == viewed.padding, outside)


@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("signed", [False, True])
def test_one_value_without_a_limit_is_that_value_only(signed: bool, vr: str) -> None:
    film, ends = film_of(16, signed)
    padded, outside = framed(film, ends[1])
    padded[0, 0] = ends[1] - 1  # belongs to the film
    data = pad(packed(padded, 16), ends[1], None, vr)
    viewed = decode_values(data, "dicom")
    outside[0, 0] = False
    assert np.array_equal(viewed.codes == viewed.padding, outside)
    assert decode_dicom(data).grey[0, 0] == 255
    assert decode_dicom(data).grey[0, 1] == 0


def test_a_limit_without_a_value_means_nothing() -> None:
    film, ends = film_of(12, False)
    padded, _ = framed(film, ends[0])
    dataset = packed(padded, 12)
    dataset.add_new("PixelPaddingRangeLimit", "US", ends[1])
    assert read_padding(dataset, BitField(12)) is None
    assert not is_padding(read_grey_rules(dataset), padded).any()
    assert np.array_equal(decode_dicom(written(dataset)).grey, decode_dicom(written(packed(padded, 12))).grey)
    assert decode_values(written(dataset), "dicom").padding is None


def test_a_range_that_holds_the_whole_film_leaves_nothing_out() -> None:
    film, _ = film_of(12, False)
    data = pad(packed(film, 12), 0, 4095, "US")
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(written(packed(film, 12))).grey)
    assert decode_dicom(data).notes == (PADDING_IGNORED,)
    assert decode_values(data, "dicom").padding is None


@pytest.mark.parametrize("signed", [False, True])
def test_without_a_vr_in_the_file_the_pixels_say_the_sign(signed: bool) -> None:
    film, ends = film_of(16, signed)
    padded, outside = framed(film, ends[1])
    dataset = packed(padded, 16)
    for keyword, number in zip(("PixelPaddingValue", "PixelPaddingRangeLimit"), ends, strict=True):
        dataset.add_new(keyword, "SS" if signed else "US", number)
    dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    out = BytesIO()
    dataset.save_as(out, implicit_vr=True, little_endian=True)
    viewed = decode_values(out.getvalue(), "dicom")
    assert np.array_equal(viewed.codes == viewed.padding, outside)
    assert decode_dicom(out.getvalue()).grey[outside].max() == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ([], None), ([60000, 1], Padding(60000, 60000)), (-5, Padding(65531, 65531))],
)
def test_odd_headers(value: Any, expected: Padding | None) -> None:
    dataset = Dataset()
    dataset.add_new("PixelPaddingValue", "SS" if value == -5 else "US", value)
    assert read_padding(dataset, BitField(16)) == expected


@pytest.mark.parametrize(
    ("field", "ends", "expected"),
    [
        (BitField(12, 0, True), (0xF830, None), Padding(-2000, -2000)),  # two's complement in a US
        (BitField(12, 0, True), (0x0830, None), Padding(-2000, -2000)),  # only the bits of the field filled
        (BitField(12, 4), (4095, None), Padding(4095, 4095)),  # of left-justified data, as a value
        (BitField(12, 4), (0xFFF0, None), Padding(0xFFF0, 0xFFF0, of_words=True)),  # and as a whole word
        (BitField(12), (0xFFFF, None), Padding(0xFFFF, 0xFFFF, of_words=True)),
        (BitField(12), (0, 0xFFFF), Padding(0, 0xFFFF, of_words=True)),
    ],
)
def test_a_number_is_a_value_or_a_whole_word(
    field: BitField, ends: tuple[int, int | None], expected: Padding
) -> None:
    dataset = Dataset()
    dataset.add_new("PixelPaddingValue", "US", ends[0])
    if ends[1] is not None:
        dataset.add_new("PixelPaddingRangeLimit", "US", ends[1])
    assert read_padding(dataset, field) == expected


@pytest.mark.parametrize("unit", ["value", "word"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_border_of_left_justified_data(signed: bool, unit: str) -> None:
    film, ends = film_of(12, signed)
    padded, outside = framed(film, ends[1])
    words = padded << 4
    dataset = packed(words, 12)
    dataset.HighBit = 15
    data = pad(dataset, ends[1] if unit == "value" else ends[1] << 4, None, "US")
    plain, _ = framed(film, film.min())
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(written(packed(plain, 12))).grey)
    viewed = decode_values(data, "dicom")
    assert np.array_equal(viewed.codes == viewed.padding, outside)


def test_words_above_bits_stored_may_be_the_border() -> None:
    """Some scanners fill it with a value that does not fit into Bits Stored, such as 63536."""
    film, _ = film_of(12, False)
    padded, outside = framed(film, 63536)
    data = pad(packed(padded, 12), 63536, None, "US")
    plain, _ = framed(film, film.min())
    decoded = decode_dicom(data)
    assert np.array_equal(decoded.grey, decode_dicom(written(packed(plain, 12))).grey)
    assert decoded.notes == ()
    viewed = decode_values(data, "dicom")
    assert np.array_equal(viewed.codes == viewed.padding, outside)


def test_colours_have_no_padding() -> None:
    """Their values are no stored greys."""
    film, ends = film_of(8, False)
    colours = np.repeat(framed(film, ends[1])[0][..., None], 3, axis=-1)
    dataset = packed(film, 8)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.PixelData = np.ascontiguousarray(colours).tobytes()
    plain = decode_dicom(written(dataset)).grey
    assert np.array_equal(decode_dicom(pad(dataset, *ends, "US")).grey, plain)
    assert plain[0, 0] == 255
