from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.inference.gate import CLASSES, FRONTAL, INVERTED, LEFT, OTHER, RIGHT, UPSIDE_DOWN
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.data import (
    SHEET,
    Sample,
    drawn_pictures,
    framed_copies,
    laterals_and_ct_slices,
    phantoms,
    photographs,
    random_crops,
    shifted_variants,
    turned_films,
)
from ml.training.gate.folds import FAMILIES
from ml.training.gate.framings import FRAMINGS, apply_framings

FILM = np.arange(80 * 100, dtype=np.uint32).reshape(80, 100).astype(np.uint8)
SAMPLE = Sample(FILM, FRONTAL, "p", "hospital")


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_turned_film_turned_back_is_the_film() -> None:
    draws = np.random.default_rng(0)
    found = [sample for _ in range(8) for sample in turned_films(SAMPLE, draws)]
    plain = {sample.kind: sample.pixels for sample in found if not sample.recipes}
    assert set(plain) == {LEFT, RIGHT, UPSIDE_DOWN, INVERTED}
    assert np.array_equal(np.rot90(plain[LEFT], -1), FILM)
    assert np.array_equal(np.rot90(plain[RIGHT], 1), FILM)
    assert np.array_equal(plain[UPSIDE_DOWN][::-1, ::-1], FILM)
    assert np.array_equal(255 - plain[INVERTED], FILM)
    assert any(sample.recipes for sample in found)  # a framing must say nothing about the kind


@pytest.mark.parametrize("name", FRAMINGS)
def test_a_framing_changes_the_film_and_keeps_it_usable(name: str) -> None:
    film = chest(PhantomSpec(height=256, width=240, seed=3)).astype(np.uint8)
    for seed in range(6):
        found = apply_framings(film, (name,), np.random.default_rng(seed))
        assert found.dtype == np.uint8
        assert 32 <= min(found.shape) <= max(found.shape) <= 256
        assert found.shape != film.shape or not np.array_equal(found, film)


def test_copies_in_framings_name_their_recipes() -> None:
    found = list(framed_copies(SAMPLE, rng()))
    assert {sample.kind for sample in found} == {FRONTAL}
    assert {name for sample in found for name in sample.recipes} <= set(FRAMINGS)
    assert len(found[-1].recipes) > 1


def test_drawn_pictures_are_of_known_kinds_recipes_and_usable_sizes() -> None:
    found = list(drawn_pictures([SAMPLE], rng(), share=0.01))
    recipes = {name for sample in found for name in sample.recipes}
    assert {sample.kind for sample in found} < set(CLASSES)
    assert recipes - {SHEET} == {name for family, names in FAMILIES.items() if family != "framing" for name in names}
    assert all(min(sample.pixels.shape) >= 64 and sample.pixels.dtype == np.uint8 for sample in found)


def test_the_same_seed_draws_the_same_pictures() -> None:
    first, again = (list(drawn_pictures([SAMPLE], rng(), share=0.01)) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("change", [random_crops, shifted_variants])
def test_variants_keep_kind_group_and_source(change: object) -> None:
    found = list(change(Sample(FILM, OTHER, "photo", "folder"), 5, rng()))  # type: ignore[operator]
    assert {(sample.kind, sample.group, sample.source) for sample in found} == {(OTHER, "photo", "folder")}
    assert len(found) == 5


def test_photographs_are_read_and_what_cannot_be_is_passed_over(tmp_path: Path) -> None:
    Image.fromarray(FILM).save(tmp_path / "a.png")
    (tmp_path / "icon.png").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("nothing")
    (found,) = photographs([tmp_path])
    assert (found.kind, found.source) == (OTHER, f"photographs: {tmp_path.name}")
    assert np.array_equal(found.pixels, FILM)


def test_phantoms_count_as_frontal_films() -> None:
    assert {sample.kind for sample in phantoms(2)} == {FRONTAL}


def test_laterals_and_slices_come_from_the_metadata(data: Path) -> None:
    found = list(laterals_and_ct_slices(data))
    kinds = [sample.kind for sample in found]
    assert kinds.count("lateral") > 30
    assert kinds.count("ct") > 20
    assert {"radiopaedia.org", "eurorad.org"} <= {sample.source for sample in found}
