"""High Bit and Bits Stored: as the header says, or as the pixels show where they contradict it."""

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
from ml.decoding.stored_words import BitField, check_bit_field, read_bit_field
from ml.decoding.viewer_pixels import decode_values
from ml.note_codes import HIGH_BIT_IGNORED
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import LOSSLESS, compressed, explicit, put_frame, written

FILM = chest(PhantomSpec(300, 256, bits=12, seed=7))
SIGNED = FILM.astype(np.int16) - 2048
OVERLAY = (np.add.outer(np.arange(300), np.arange(256)) % 20 < 2).astype(np.uint16)  # lines


def header(bits: int, high_bit: int, **values: Any) -> Dataset:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    dataset.pop("PresentationLUTShape", None)
    del dataset.WindowCenter, dataset.WindowWidth
    dataset.BitsStored, dataset.HighBit = bits, high_bit
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def film_with(words: NDArray[Any], bits: int, high_bit: int) -> bytes:
    dataset = header(bits, high_bit, PixelRepresentation=int(words.dtype.kind == "i"))
    dataset.PixelData = words.tobytes()
    return written(dataset)


def assert_shows(data: bytes, expected: NDArray[Any], codes: list[str]) -> None:
    """Network and viewer have the same values, up to a constant factor and an offset."""
    film = decode_dicom(data)
    spread = (expected.astype(float) - expected.min()) / (int(expected.max()) - int(expected.min()))
    assert np.abs(film.grey - spread * 255).max() <= 0.51
    assert [note.code for note in film.notes] == codes
    viewed = decode_values(data, "dicom")
    assert np.array_equal(viewed.codes * viewed.slope + viewed.intercept, expected)


@pytest.mark.parametrize("below", [0, 0xF])
@pytest.mark.parametrize("film", [FILM, SIGNED], ids=["unsigned", "signed"])
def test_left_justified_data(film: NDArray[Any], below: int) -> None:
    """The unused bits below may hold anything."""
    noise = np.random.default_rng(0).integers(0, below + 1, film.shape).astype(film.dtype)
    assert_shows(film_with((film << 4) | noise, 12, 15), film, [])


@pytest.mark.parametrize("above", [0, 3])
def test_data_in_the_middle_of_a_word(above: int) -> None:
    noise = np.random.default_rng(0).integers(0, above + 1, FILM.shape).astype(np.uint16)
    assert_shows(film_with((FILM << 2) | noise << 14 | (noise & 3), 12, 13), FILM, [])


@pytest.mark.parametrize("high_bit", [11, 20, 31])
@pytest.mark.parametrize("film", [FILM, SIGNED], ids=["unsigned", "signed"])
def test_words_of_four_bytes(film: NDArray[Any], high_bit: int) -> None:
    dataset = header(12, high_bit, PixelRepresentation=int(film.dtype.kind == "i"))
    dataset.BitsAllocated = 32
    dataset.PixelData = (film.astype(film.dtype.kind + "4") << (high_bit - 11)).tobytes()
    assert_shows(written(dataset), film, [])


@pytest.mark.parametrize("film", [FILM, SIGNED], ids=["unsigned", "signed"])
def test_right_justified_data_that_the_header_calls_left_justified(film: NDArray[Any]) -> None:
    assert_shows(film_with(film, 12, 15), film, ["high_bit_ignored"])


@pytest.mark.parametrize("high_bit", [0, 7, 16, 99, 65535])
def test_a_high_bit_out_of_range(high_bit: int) -> None:
    """The reader of the file has put it right before."""
    assert read_bit_field(header(12, high_bit)) == (BitField(12), (HIGH_BIT_IGNORED,))
    assert_shows(film_with(FILM, 12, high_bit), FILM, [])


@pytest.mark.parametrize("bits", [9, 10, 11])
@pytest.mark.parametrize("film", [FILM, SIGNED], ids=["unsigned", "signed"])
def test_more_bits_than_declared(film: NDArray[Any], bits: int) -> None:
    assert_shows(film_with(film, bits, bits - 1), film, ["bits_stored_ignored"])


def test_left_justified_data_that_the_header_calls_right_justified() -> None:
    assert_shows(film_with(FILM << 4, 12, 11), FILM << 4, ["bits_stored_ignored"])


@pytest.mark.parametrize("position", range(12, 16))
def test_an_overlay_in_an_unused_bit_is_no_part_of_the_values(position: int) -> None:
    """PS3.5 8.1.1 retired such overlays, but old files have them."""
    assert_shows(film_with(FILM | OVERLAY << position, 12, 11), FILM, [])


@pytest.mark.parametrize("share", [0.001, 0.3])
def test_letters_and_regions_in_an_unused_bit_are_no_part_of_the_values(share: float) -> None:
    part = np.zeros_like(FILM)
    part[: int(len(part) * share**0.5) + 1, : int(part.shape[1] * share**0.5) + 1] = 1
    assert_shows(film_with(FILM | part << 13, 12, 11), FILM, [])


def test_any_unused_bits_are_no_part_of_the_values() -> None:
    noise = np.random.default_rng(0).integers(0, 16, FILM.shape).astype(np.uint16) << 12
    assert_shows(film_with(FILM | noise, 12, 11), FILM, [])
    assert_shows(film_with((FILM | 0xF000), 12, 11), FILM, [])
    assert_shows(film_with((SIGNED & 0x0FFF), 12, 11), SIGNED, [])  # the sign is not extended


def test_the_header_says_the_sign() -> None:
    """Unsigned values that it calls signed look like signed ones whose sign is not extended; other decoders agree."""
    signed = np.where(FILM > 2047, FILM.astype(np.int16) - 4096, FILM.astype(np.int16))
    assert_shows(film_with(FILM.astype(np.int16), 12, 11), signed, [])


@pytest.mark.parametrize("stored", [0, 17, 255, None])
def test_bits_stored_out_of_range(stored: int | None) -> None:
    dataset = header(16, 15)
    dataset.BitsStored = stored
    if stored is None:
        del dataset.BitsStored
    assert read_bit_field(dataset) == (BitField(16), ())
    assert_shows(written(dataset), FILM, ["header_corrected"])


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_compressed_streams_of_left_justified_words(syntax: str) -> None:
    """The stream holds whole words of 16 bits; the header says where the values lie."""
    dataset = pydicom.dcmread(BytesIO(compressed(FILM << 4, syntax, 16)))
    dataset.BitsStored, dataset.HighBit = 12, 15
    dataset.pop("PresentationLUTShape", None)
    del dataset.WindowCenter, dataset.WindowWidth
    assert_shows(written(dataset), FILM, [])


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_compressed_streams_that_are_right_justified_beside_a_header_that_is_not(syntax: str) -> None:
    """Codecs pack 12 bits into the lowest ones, whatever the header of the source said."""
    dataset = pydicom.dcmread(BytesIO(compressed(FILM, syntax, 12)))
    dataset.HighBit = 15
    dataset.pop("PresentationLUTShape", None)
    del dataset.WindowCenter, dataset.WindowWidth
    assert_shows(written(dataset), FILM, ["high_bit_ignored"])


def test_a_codec_that_returns_bytes_for_a_film_of_words() -> None:
    shallow = (FILM >> 4).astype(np.uint8)
    frames = pydicom.dcmread(BytesIO(compressed(shallow, uid.JPEGLSLossless, 8)))
    dataset = header(12, 15)
    put_frame(dataset, pydicom.encaps.get_frame(frames.PixelData, 0, number_of_frames=1))
    dataset.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    assert_shows(written(dataset), shallow, [])


def test_a_film_within_bits_stored_is_not_searched() -> None:
    words = np.array([[0, 4095]], dtype=np.uint16)
    assert check_bit_field(BitField(12), words, 0, 4095) == (BitField(12), ())
