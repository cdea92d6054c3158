from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.errors import Reason
from ml.inference.gate import (
    CLASSES,
    FRONTAL,
    REFUSALS,
    SHAPE_FEATURES,
    Gate,
    check_exposure,
    lung_shape,
    read_gate,
    refusal,
    write_gate,
)
from ml.inference.lung_crop import lung_box, lung_fields
from ml.inference.mirror import FEATURES

RNG = np.random.default_rng(0)


def one_hot_gate(threshold: float = 0.5) -> Gate:
    """A gate that takes its input for the classes' logits."""
    count = len(CLASSES)
    return Gate(
        np.eye(count, dtype=np.float32),
        np.zeros(count, dtype=np.float32),
        np.zeros(count, dtype=np.float32),
        np.ones(count, dtype=np.float32),
        threshold,
    )


NO_SIDES = np.zeros((1, FEATURES), dtype=np.float32)


def looks_like(kind: str, strength: float = 8.0) -> np.ndarray:
    inputs = np.zeros((1, len(CLASSES)), dtype=np.float32)
    inputs[0, CLASSES.index(kind)] = strength
    return inputs


@pytest.mark.parametrize("kind", CLASSES)
def test_a_picture_is_taken_for_what_it_looks_like(kind: str) -> None:
    assert one_hot_gate().classify(looks_like(kind), NO_SIDES) == [kind]


def test_a_doubtful_film_is_refused_as_the_likeliest_other_thing() -> None:
    doubtful = looks_like(FRONTAL, 2.0) + looks_like("lateral", 1.9)
    assert one_hot_gate(0.3).classify(doubtful, NO_SIDES) == [FRONTAL]
    assert one_hot_gate(0.6).classify(doubtful, NO_SIDES) == ["lateral"]


def test_probabilities_add_up_however_large_the_logits() -> None:
    probabilities = one_hot_gate().probabilities(RNG.normal(0, 500, (20, len(CLASSES))).astype(np.float32))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", sorted({*REFUSALS}))
def test_every_refusal_has_a_stable_code_and_a_sentence(kind: str) -> None:
    error = refusal(kind)
    assert isinstance(error, Reason)
    assert error.code == REFUSALS[kind].code
    assert error.detail.startswith("Not scored: ")
    assert error.detail.endswith(".")


def test_a_gate_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_gate(tmp_path / "gate.npz", one_hot_gate(0.25))
    again = read_gate(tmp_path / "gate.npz")
    assert again.threshold == 0.25
    assert np.array_equal(again.weights, one_hot_gate().weights)


@pytest.mark.parametrize(("low", "high", "kind"), [(0, 30, "too_dark"), (225, 255, "saturated"), (0, 255, FRONTAL)])
def test_exposure_is_told_by_the_pixels(low: int, high: int, kind: str) -> None:
    film = RNG.integers(low, high, (100, 100)).astype(np.uint8)
    assert check_exposure(film) == kind


def mask_with(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((64, 64), dtype=np.float32)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = 1.0
    return mask


def shape_of(mask: np.ndarray) -> np.ndarray:
    return lung_shape(mask, lung_fields(mask), lung_box(mask, (640, 640)))


def test_two_even_lungs_are_told_from_one_and_from_none() -> None:
    two, one, none = (
        shape_of(mask_with((12, 50, 8, 26), (12, 50, 38, 56))),
        shape_of(mask_with((12, 50, 8, 26))),
        None,
    )
    none = shape_of(mask_with())
    assert two.shape == one.shape == none.shape == (SHAPE_FEATURES,)
    assert two[2] == pytest.approx(1.0)  # balance of left and right
    assert two[1] > one[1] > none[1] == 0.0  # area
    assert (two[0], none[0]) == (1.0, 0.0)  # found


def test_an_uneven_pair_is_less_balanced() -> None:
    even = shape_of(mask_with((12, 50, 8, 26), (12, 50, 38, 56)))
    uneven = shape_of(mask_with((12, 50, 8, 26), (30, 45, 40, 56)))
    assert uneven[2] < even[2]
