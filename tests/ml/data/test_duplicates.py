"""A copy of a film is found; another film is not taken for one."""

from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from ml.data.duplicates import SAME_FILM_BITS, duplicate_groups, patient_groups, perceptual_hash
from ml.phantom.film import PhantomSpec, chest
from tests.ml.helpers import encoded, phantom_file, record

# Phantoms are more alike than people: seeds 2 and 3 differ in 26 bits only. Of these, any two differ in 80 or more.
SEEDS = (8, 9, 11, 12)


@cache
def phantom(seed: int) -> Image.Image:
    return Image.fromarray(chest(PhantomSpec(256, 256, seed=seed)))


def hash_of(picture: Image.Image) -> NDArray[np.bool_]:
    return perceptual_hash(np.asarray(picture.convert("L")))


def copies(picture: Image.Image) -> dict[str, Image.Image]:
    def jpeg(size: int, quality: int) -> Image.Image:
        return Image.open(BytesIO(encoded(picture.resize((size, size)), "JPEG", quality=quality)))

    return {
        "smaller": jpeg(128, 60),
        "smallest": jpeg(96, 20),
        "larger": jpeg(400, 50),
        "brighter": ImageEnhance.Brightness(picture).enhance(1.15),
        "stretched": picture.resize((200, 256)),
    }


@pytest.mark.parametrize("copy", ["smaller", "smallest", "larger", "brighter", "stretched"])
def test_a_copy_joins_its_original_only(copy: str) -> None:
    originals = [hash_of(phantom(seed)) for seed in SEEDS]
    for index, seed in enumerate(SEEDS):
        hashes = np.stack([*originals, hash_of(copies(phantom(seed))[copy])])
        assert duplicate_groups(hashes) == [0, 1, 2, 3, index]


def test_hash_has_256_bits_and_repeats() -> None:
    bits = hash_of(phantom(8))
    assert bits.shape == (256,)
    assert bits.dtype == bool
    assert np.array_equal(bits, hash_of(phantom(8)))


def test_a_mirrored_film_is_another() -> None:
    mirrored = phantom(9).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert duplicate_groups(np.stack([hash_of(phantom(9)), hash_of(mirrored)])) == [0, 1]


def strips(*ones: int) -> NDArray[np.bool_]:
    """Hashes whose first bits are set, so that distances are differences."""
    return np.stack([np.arange(256) < count for count in ones])


def test_the_limit_itself_still_joins() -> None:
    assert duplicate_groups(strips(0, SAME_FILM_BITS)) == [0, 0]
    assert duplicate_groups(strips(0, SAME_FILM_BITS + 1)) == [0, 1]


def test_joining_is_transitive_whatever_the_order() -> None:
    assert duplicate_groups(strips(0, 30, 60, 200)) == [0, 0, 0, 3]
    assert duplicate_groups(strips(60, 200, 0, 30)) == [0, 1, 0, 0]


def test_patients_of_one_source_stay_together(tmp_path: Path) -> None:
    films = [
        record(phantom_file(tmp_path / f"{seed}.png", seed), patient=patient)
        for seed, patient in zip(SEEDS, ("a", "b", "a", "c"), strict=True)
    ]
    assert patient_groups(films) == ["chest_xray/a", "chest_xray/b", "chest_xray/a", "chest_xray/c"]


def test_equal_patient_numbers_of_two_sources_are_two_patients(tmp_path: Path) -> None:
    films = [
        record(phantom_file(tmp_path / f"{seed}.png", seed), source=source, patient="1")
        for seed, source in ((8, "chest_xray"), (9, "nih-chestxray14"))
    ]
    assert patient_groups(films) == ["chest_xray/1", "nih-chestxray14/1"]


def test_a_shared_picture_joins_patients_across_sources(tmp_path: Path) -> None:
    """Every film of both patients goes along, not only the shared one."""
    shared = phantom_file(tmp_path / "shared.png", 8, height=256, width=256)
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(encoded(copies(phantom(8))["smaller"], "JPEG"))
    films = [
        record(phantom_file(tmp_path / "other.png", 12), source="covid-cxnet", patient="c"),
        record(phantom_file(tmp_path / "first.png", 9), patient="a"),
        record(shared, patient="a"),
        record(copy, source="covid-cxnet", patient="b"),
        record(phantom_file(tmp_path / "last.png", 11), source="covid-cxnet", patient="b"),
    ]
    assert patient_groups(films) == ["covid-cxnet/c", *["chest_xray/a"] * 4]
