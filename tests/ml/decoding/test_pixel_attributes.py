"""Attributes that describe the pixels: completed, corrected, or named where nothing tells their value."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.pixel_attributes import NUMBERS, find_photometric, read_number
from ml.decoding.preprocess import load
from ml.phantom.film import PhantomSpec, chest
from tests.ml import streams
from tests.ml.compressed import explicit, written
from tests.ml.helpers import refusal
from tests.ml.streams import encapsulated, frame_of, native, with_value

FILM = chest(PhantomSpec(120, 100, bits=12, seed=5, opacities=1))
BYTES = (FILM >> 4).astype(np.uint8)
PLAIN = uid.ExplicitVRLittleEndian


def shown(data: bytes) -> NDArray[np.uint8]:
    refuse_unfit(read_header(data))
    return load(data).pixels


EXPECTED = shown(explicit(FILM))
EXPECTED_BYTES = shown(explicit(BYTES, 8))


def without(*keywords: str, pixels: NDArray[Any] = FILM, bits: int = 12) -> bytes:
    return native(pixels, bits, PLAIN, **dict.fromkeys(keywords))


@pytest.mark.parametrize(
    "keywords",
    [
        ("SamplesPerPixel",),
        ("BitsStored",),
        ("HighBit",),
        ("BitsAllocated",),
        ("BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"),
    ],
)
def test_a_default_is_taken_where_there_is_one(keywords: tuple[str, ...]) -> None:
    data = native(FILM, 12, PLAIN, **dict.fromkeys(keywords), WindowCenter=None, WindowWidth=None)
    plain = native(FILM, 12, PLAIN, WindowCenter=None, WindowWidth=None)
    assert np.array_equal(shown(data), shown(plain))
    eight = without(*keywords, pixels=BYTES, bits=8)
    assert np.array_equal(shown(eight), EXPECTED_BYTES)


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("Rows", "Rows (0028,0010)"),
        ("Columns", "Columns (0028,0011)"),
        ("PhotometricInterpretation", "Photometric Interpretation (0028,0004)"),
        ("PixelRepresentation", "Pixel Representation (0028,0103)"),
    ],
)
def test_a_missing_attribute_is_named_at_intake(keyword: str, name: str) -> None:
    data = without(keyword)
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "attribute_missing"
    assert name in error.detail
    assert refusal(lambda: load(data)).code == "attribute_missing"


@pytest.mark.parametrize("value", [b"", b"\0\0", b"\0\0\0\0"])
def test_an_empty_or_zero_size_is_missing(value: bytes) -> None:
    data = rewritten("Rows", "US", value)
    assert refusal(lambda: refuse_unfit(read_header(data))).code == "attribute_missing"


def rewritten(keyword: str, vr: str, value: bytes) -> bytes:
    """A film with an attribute written in another value representation."""
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return written(dataset)


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"])
@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "IS", "DS", "LO", "UN", "FD"])
def test_any_value_representation_is_read(keyword: str, vr: str) -> None:
    number = int(pydicom.dcmread(BytesIO(explicit(FILM)))[keyword].value)
    layouts = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "UN": "<H", "FD": "<d"}
    value = struct.pack(layouts[vr], number) if vr in layouts else f"{number} ".encode()
    assert np.array_equal(shown(rewritten(keyword, vr, value + b" " * (len(value) % 2))), EXPECTED)


@pytest.mark.parametrize("keyword", NUMBERS)
def test_of_several_values_the_first_counts(keyword: str) -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    number = int(dataset.get(keyword, 1 if keyword == "NumberOfFrames" else 0))
    value = b"1\\1 " if keyword == "NumberOfFrames" else struct.pack("<2H", number, number)
    assert np.array_equal(shown(rewritten(keyword, "IS" if keyword == "NumberOfFrames" else "US", value)), EXPECTED)


@pytest.mark.parametrize("frames", [b"", b"0 ", b"-1", b"1A", b"ONE ", b"1.0 "])
def test_a_number_of_frames_that_is_none_is_one(frames: bytes) -> None:
    assert np.array_equal(shown(rewritten("NumberOfFrames", "IS", frames)), EXPECTED)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("monochrome2", "MONOCHROME2"),
        ("MONOCHROME 2", "MONOCHROME2"),
        ("PALETTE_COLOR", "PALETTE COLOR"),
        ("ybr-full", "YBR_FULL"),
    ],
)
def test_photometric_interpretation_as_systems_write_it(text: str, term: str) -> None:
    assert find_photometric(text) == term
    if term == "MONOCHROME2":
        assert np.array_equal(
            shown(rewritten("PhotometricInterpretation", "CS", text.encode() + b" " * (len(text) % 2))), EXPECTED
        )


@pytest.mark.parametrize("text", ["", "GREY", "JANE DOE", "MONOCHROME"])
def test_an_unknown_photometric_interpretation_is_named(text: str) -> None:
    data = rewritten("PhotometricInterpretation", "CS", text.encode() + b" " * (len(text) % 2))
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "attribute_missing"
    assert "JANE" not in error.detail


@pytest.mark.parametrize("name", ["JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless"])
def test_a_codestream_tells_its_size_and_bits(name: str) -> None:
    frame = frame_of(FILM, getattr(uid, name), 12)
    missing: dict[str, Any] = dict.fromkeys(
        ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel")
    )
    data = encapsulated(explicit(FILM), [frame], getattr(uid, name), **missing)
    assert np.array_equal(shown(data), EXPECTED)
    assert [note.code for note in load(data).notes] == ["header_corrected"]


@pytest.mark.parametrize(
    ("values", "pixels", "expected"),
    [
        ({"BitsAllocated": 12}, FILM, EXPECTED),  # declared as packed, but written in two bytes
        ({"BitsAllocated": 10, "BitsStored": 10, "HighBit": 9}, FILM >> 2, None),
        ({"BitsAllocated": 8}, FILM, EXPECTED),
        ({"BitsAllocated": 16}, BYTES, EXPECTED_BYTES),
        ({"BitsStored": 20, "HighBit": 19}, FILM, None),
        ({"HighBit": 3}, FILM, EXPECTED),
        ({"HighBit": 40}, FILM, EXPECTED),
        ({"SamplesPerPixel": 3}, FILM, EXPECTED),
        ({"SamplesPerPixel": 0}, FILM, EXPECTED),
        ({"PhotometricInterpretation": "RGB"}, FILM, EXPECTED),
    ],
)
def test_sound_pixels_behind_an_odd_header(
    values: dict[str, Any], pixels: NDArray[Any], expected: NDArray[Any] | None
) -> None:
    bits = 8 if pixels.dtype == np.uint8 else 12
    picture = shown(native(pixels, bits, PLAIN, **values))
    assert picture.shape == EXPECTED.shape
    if expected is not None:
        assert np.array_equal(picture, expected)


@pytest.mark.parametrize("order", ["rgb", "grey as colour"])
def test_colours_behind_an_odd_header(order: str) -> None:
    colours = np.stack([BYTES, BYTES, BYTES], axis=-1)
    photometric = "RGB" if order == "rgb" else "MONOCHROME2"
    samples = None if order == "rgb" else 3
    values: dict[str, Any] = {
        "PhotometricInterpretation": photometric,
        "SamplesPerPixel": samples,
        "PixelRepresentation": None,
    }
    data = with_value(explicit(BYTES, 8), colours.tobytes(), label=PLAIN, open_ended=False, **values)
    assert np.abs(shown(data).astype(int) - EXPECTED_BYTES).max() <= 1


def test_a_colour_jpeg_behind_a_grey_header() -> None:
    out = BytesIO()
    Image.fromarray(np.stack([BYTES] * 3, axis=-1)).save(out, "JPEG", quality=97)
    data = encapsulated(explicit(BYTES, 8), [out.getvalue()], uid.JPEGBaseline8Bit)
    assert np.abs(shown(data).astype(int) - EXPECTED_BYTES).max() <= 14


def test_a_stream_of_eight_bits_behind_a_header_of_sixteen() -> None:
    for frame in (streams.baseline(BYTES), streams.progressive(BYTES), frame_of(BYTES, uid.JPEGLSLossless, 8)):
        data = encapsulated(explicit(FILM), [frame], uid.JPEGBaseline8Bit, WindowCenter=None, WindowWidth=None)
        assert np.abs(shown(data).astype(int) - EXPECTED_BYTES).max() <= 14


def test_a_stream_of_twelve_bits_behind_a_header_of_eight() -> None:
    for syntax in (uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless):
        bits: dict[str, Any] = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
        data = encapsulated(explicit(FILM), [frame_of(FILM, syntax, 12)], syntax, **bits)
        assert shown(data).std() > 20


def test_packed_twelve_bits() -> None:
    """As ACR-NEMA wrote them: two values in three bytes, the lowest bits first."""
    flat = FILM.astype(np.uint32).reshape(-1, 2)
    packed = np.stack([flat[:, 0] & 255, flat[:, 0] >> 8 | (flat[:, 1] & 15) << 4, flat[:, 1] >> 4], axis=-1)
    value = packed.astype(np.uint8).tobytes()
    data = with_value(explicit(FILM), value, label=PLAIN, open_ended=False, BitsAllocated=12)
    assert np.array_equal(shown(data), EXPECTED)


def test_another_packing_is_named() -> None:
    value = np.packbits(np.unpackbits(FILM.view(np.uint8)))[: FILM.size * 10 // 8].tobytes()
    bits: dict[str, Any] = {"BitsAllocated": 10, "BitsStored": 10, "HighBit": 9}
    data = with_value(explicit(FILM), value, label=PLAIN, open_ended=False, **bits)
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "attribute_missing"
    assert "Bits Allocated (0028,0100)" in error.detail


@pytest.mark.parametrize("extra", [1, 2, 100, 5000])
def test_pixels_with_bytes_after_them(extra: int) -> None:
    data = with_value(explicit(FILM), FILM.tobytes() + b"\7" * (extra + extra % 2), label=PLAIN, open_ended=False)
    assert np.array_equal(shown(data), EXPECTED)


def test_pixels_that_lack_the_end_of_their_last_row() -> None:
    data = with_value(explicit(FILM), FILM.tobytes()[:-6], label=PLAIN, open_ended=False)
    assert np.array_equal(shown(data)[:-1], EXPECTED[:-1])


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_cut_short_is_damaged(share: float) -> None:
    data = explicit(FILM)
    assert refusal(lambda: load(data[: int(len(data) * share)])).code == "damaged_pixels"
    short = with_value(explicit(FILM), FILM.tobytes()[: int(FILM.nbytes * share)], label=PLAIN, open_ended=False)
    assert refusal(lambda: load(short)).code == "damaged_pixels"


def test_numbers_of_nonsense_are_none() -> None:
    for vr, value in (("US", b""), ("LO", b"JANE"), ("FD", struct.pack("<d", float("nan")))):
        assert read_number("Rows", vr, value, little=True) is None
    assert read_number("Rows", "US", b"\x01\x02", little=False) == 258
