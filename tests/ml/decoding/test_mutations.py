"""Seeded damage to films of every kind: the header is read or refused by name, nothing else, and at once."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from pydicom import uid

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.errors import FilmError
from ml.phantom import film
from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes, tiff_bytes, webp_bytes
from tests.ml.compressed import compressed
from tests.ml.decoding.test_dicom_reading import BODY, deflated, directory
from tests.ml.decoding.test_signatures import bare
from tests.ml.tiff_writer import DEFLATE, LZW, Page, write_tiff
from tests.ml.tiffs import tiff

MUTATIONS = 40  # of each seed file
SECONDS = 5.0  # for one header; the slowest measured took 0.05
HEAD = 2_000  # bytes at the beginning, where most of a header lies
CODES = {
    "empty_file",
    "unsupported_kind",
    "damaged_header",
    "damaged_pixels",
    "blank_film",
    "archive",
    "dicomdir",
    "no_pixels",
    "multi_frame",
    "not_a_radiograph",
    "not_a_chest",
    "attribute_missing",
    "unsupported_compression",
    "lateral_view",
    "too_small",
    "too_many_pixels",
    "too_large_unpacked",
    "unsupported_layout",
    "one_bit",
}
SPEC = PhantomSpec(96, 80, seed=3)
DEEP = PhantomSpec(96, 80, bits=12, seed=3)
FILMS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png_bytes(SPEC),
    "deep png": lambda: png_bytes(DEEP),
    "jpeg": lambda: jpeg_bytes(SPEC),
    "tiff": lambda: tiff_bytes(SPEC),
    "deep tiff": lambda: tiff_bytes(DEEP),
    "big tiff": lambda: tiff(film.chest(DEEP), big=True, photometric=0),
    "signed tiff": lambda: write_tiff(Page(film.chest(SPEC).astype("i1"), compression=LZW, tile=32)),
    "float tiff": lambda: write_tiff(Page(film.chest(DEEP).astype("f8"), compression=DEFLATE), order=">", big=True),
    "tiff of pages": lambda: write_tiff(Page(film.chest(SPEC)[::4, ::4]), Page(film.chest(DEEP), bits=12), order=">"),
    "12-bit jpeg": lambda: bytes(imagecodecs.jpeg8_encode(film.chest(DEEP), bitspersample=12)),
    "lossless jpeg": lambda: bytes(imagecodecs.jpeg8_encode(film.chest(DEEP), bitspersample=16, lossless=True)),
    "webp": lambda: webp_bytes(SPEC),
    "dicom": lambda: dicom_bytes(DEEP),
    "deflated dicom": lambda: deflated(BODY),
    "implicit data set": lambda: bare("implicit"),
    "big endian data set": lambda: bare("big endian"),
    "jpeg in dicom": lambda: compressed(film.chest(DEEP), uid.JPEGLosslessSV1),
    "dicomdir": lambda: directory(20),
}


def flip(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(min(HEAD, len(data)))] ^= 1 << dice.randrange(8)


def overwrite(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(min(HEAD, len(data)))
    data[at : at + 4] = dice.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", dice.randbytes(4)])


def cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def remove(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(min(HEAD, len(data)))
    del data[at : at + dice.randrange(1, 40)]


def insert(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(min(HEAD, len(data)))
    data[at:at] = dice.randbytes(dice.randrange(1, 40))


def repeat(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(min(HEAD, len(data)))
    part = data[start : start + dice.randrange(1, 200)]
    data[start:start] = part * dice.randrange(1, 300)


DAMAGES = (flip, overwrite, cut, remove, insert, repeat)


def mutated(data: bytes, seed: int) -> bytes:
    """One to six damages; the same for the same seed."""
    dice, damaged = random.Random(seed), bytearray(data)
    for _ in range(dice.randint(1, 6)):
        if damaged:
            dice.choice(DAMAGES)(damaged, dice)
    return bytes(damaged)


def code_of(data: bytes, read: Callable[[bytes], object]) -> str:
    try:
        read(data)
    except FilmError as error:
        assert error.detail.isprintable()  # noqa: PT017
        assert len(error.detail) < 300  # noqa: PT017
        return error.code
    return ""


@pytest.mark.parametrize("name", FILMS)
def test_a_damaged_header_is_read_or_refused(name: str) -> None:
    """Warnings count as errors: nothing of a film's content may reach a log."""
    original = FILMS[name]()
    seen = set()
    for seed in range(MUTATIONS):
        data = mutated(original, seed)
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            seen.add(code_of(data, lambda data: refuse_unfit(read_header(data))))
        assert time.process_time() - started < SECONDS, seed
    assert seen <= CODES | {""}
    assert len(seen) > 1


@pytest.mark.parametrize("name", FILMS)
def test_damaged_pixels_are_decoded_or_refused(name: str) -> None:
    original = FILMS[name]()
    for seed in range(MUTATIONS // 2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = code_of(mutated(original, 1_000 + seed), load)
        assert code in CODES | {""}, seed


def test_noise_behind_a_true_beginning() -> None:
    rng = np.random.default_rng(0)
    for make in FILMS.values():
        data = make()
        for length in (12, 140, 400):
            code = code_of(data[:length] + rng.bytes(2_000), load)
            assert code in CODES | {""}  # noise may be all that an uncompressed film holds
