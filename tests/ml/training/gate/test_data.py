from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.inference.gate import CLASSES, FRONTAL, INVERTED, LEFT, OTHER, RIGHT, UPSIDE_DOWN
from ml.training.gate.data import (
    Sample,
    generated_pictures,
    laterals_and_ct_slices,
    phantoms,
    photographs,
    random_crops,
    shifted_variants,
    turned_films,
)

FILM = np.arange(80 * 100, dtype=np.uint32).reshape(80, 100).astype(np.uint8)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_turned_film_turned_back_is_the_film() -> None:
    found = {sample.kind: sample.pixels for sample in turned_films(FILM, "p")}
    assert set(found) == {LEFT, RIGHT, UPSIDE_DOWN, INVERTED}
    assert np.array_equal(np.rot90(found[LEFT], -1), FILM)
    assert np.array_equal(np.rot90(found[RIGHT], 1), FILM)
    assert np.array_equal(found[UPSIDE_DOWN][::-1, ::-1], FILM)
    assert np.array_equal(255 - found[INVERTED], FILM)


def test_what_is_made_is_of_known_kinds_and_usable_sizes() -> None:
    found = list(generated_pictures([FILM], 4, rng()))
    assert {sample.kind for sample in found} < set(CLASSES)
    assert len(found) == 16
    assert all(min(sample.pixels.shape) >= 64 and sample.pixels.dtype == np.uint8 for sample in found)


def test_the_same_seed_makes_the_same_pictures() -> None:
    first, again = (list(generated_pictures([FILM], 2, rng())) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("change", [random_crops, shifted_variants])
def test_variants_keep_kind_and_group(change: object) -> None:
    found = list(change(Sample(FILM, OTHER, "photo"), 5, rng()))  # type: ignore[operator]
    assert {(sample.kind, sample.group) for sample in found} == {(OTHER, "photo")}
    assert len(found) == 5


def test_photographs_are_read_and_what_cannot_be_is_passed_over(tmp_path: Path) -> None:
    Image.fromarray(FILM).save(tmp_path / "a.png")
    (tmp_path / "icon.png").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("nothing")
    (found,) = photographs([tmp_path])
    assert found.kind == OTHER
    assert np.array_equal(found.pixels, FILM)


def test_phantoms_count_as_frontal_films() -> None:
    assert {sample.kind for sample in phantoms(2)} == {FRONTAL}


def test_laterals_and_slices_come_from_the_metadata(data: Path) -> None:
    kinds = [sample.kind for sample in laterals_and_ct_slices(data)]
    assert kinds.count("lateral") > 30
    assert kinds.count("ct") > 20
