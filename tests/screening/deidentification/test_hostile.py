"""Damaged and hostile files: cleaned or refused, in bounded time and memory, and never with the mark left in."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import Counter
from io import BytesIO

import pytest

from ml.errors import FilmError
from ml.phantom.film import PhantomSpec, dicom_bytes
from screening.deidentification import clean_file
from screening.deidentification.cleaned import MAX_PARTS
from tests.screening.deidentification.planting import KEY, MARK, exif, film, png_chunk, tiff_tags

SEEDS = range(300)
LENGTHS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1")
REFUSALS = {"damaged_header", "unsupported_compression", "too_large_unpacked"}


def sample(kind: str) -> bytes:
    out = BytesIO()
    if kind == "dicom":
        return dicom_bytes(PhantomSpec(64, 64, bits=12), patient_id=MARK)
    options = {"tiffinfo": tiff_tags()} if kind == "tiff" else {"exif": exif(6)}
    film().save(out, kind.upper(), **options)
    return out.getvalue()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Bytes flipped, lengths made absurd, parts cut out, doubled or moved: mostly near the beginning."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = int(len(changed) * dice.random() ** 3)
        match dice.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                changed[at : at + 4] = dice.choice(LENGTHS)
            case 2:
                del changed[at : at + dice.randint(1, 64)]
            case 3:
                changed[at:at] = changed[at : at + dice.randint(1, 64)]
            case _:
                del changed[at + 200 :]
    return bytes(changed)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "dicom"])
def test_seeded_mutations_are_cleaned_or_refused(kind: str) -> None:
    data = sample(kind)
    ended, slowest = Counter[str](), 0.0
    for seed in SEEDS:
        broken = mutated(data, random.Random(seed))
        began = time.process_time()
        ended[outcome(broken, kind)] += 1
        slowest = max(slowest, time.process_time() - began)
    assert set(ended) <= {"cleaned", *REFUSALS}
    assert ended["cleaned"] > len(SEEDS) // 10
    assert slowest < 2


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "dicom"])
def test_a_broken_length_claims_no_memory(kind: str) -> None:
    data = sample(kind)
    tracemalloc.start()
    try:
        for seed in SEEDS[:60]:
            outcome(mutated(data, random.Random(seed)), kind)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_a_picture_that_claims_all_there_is() -> None:
    """Chunks of four gigabytes each, of which only the last can be cut short."""
    assert outcome(b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff" + bytes(64), "webp") in REFUSALS


def outcome(data: bytes, kind: str) -> str:
    try:
        once = clean_file(data, kind, KEY)
    except FilmError as error:
        return error.code
    return "cleaned" if len(once.data) <= 2 * len(data) + 2048 else "grown"


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_more_parts_than_a_film_has_are_refused(kind: str) -> None:
    data = sample(kind)
    crumb = png_chunk(b"tEXt", b"") if kind == "png" else b"priv\0\0\0\0"
    at = 33 if kind == "png" else 12
    many = data[:at] + crumb * (MAX_PARTS + 1) + data[at:]
    if kind == "webp":
        many = many[:4] + (len(many) - 8).to_bytes(4, "little") + many[8:]
    began = time.process_time()
    with pytest.raises(FilmError):
        clean_file(many, kind, KEY)
    assert time.process_time() - began < 5


def test_more_elements_than_a_film_has_are_refused() -> None:
    data = sample("dicom")
    at = data.index(b"\x10\x00\x10\x00PN")
    crumb = b"\x09\x00\x01\x10LO\0\0"
    with pytest.raises(FilmError):
        clean_file(data[:at] + crumb * (MAX_PARTS + 1) + data[at:], "dicom", KEY)
