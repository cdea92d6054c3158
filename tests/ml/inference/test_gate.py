from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import note_codes
from ml.errors import Reason
from ml.inference.gate import (
    ACCEPTED,
    CLASSES,
    FRAMED,
    FRONTAL,
    INPUTS,
    MAX_DEVIATION,
    REFUSALS,
    SHAPE_FEATURES,
    UNSURE,
    Gate,
    GateDecision,
    InterfaceRule,
    check_exposure,
    gate_input,
    lung_shape,
    read_gate,
    refusal,
    write_gate,
)
from ml.inference.lung_crop import CONTEXT_FEATURES, lung_box, lung_fields, mask_input
from ml.inference.mirror import FEATURES, MirrorRule
from ml.inference.picture_layout import LAYOUT_FEATURES

RNG = np.random.default_rng(0)
WIDTH = len(CLASSES) + LAYOUT_FEATURES


def one_hot_gate(refuse_below: float = 0.3, accept_from: float = 0.6, interface: InterfaceRule | None = None) -> Gate:
    """A gate that takes the first of its inputs for the classes' logits, and the others for the layout."""
    count = len(CLASSES)
    return Gate(
        mean=np.zeros(WIDTH, dtype=np.float32),
        scale=np.ones(WIDTH, dtype=np.float32),
        hidden=np.eye(WIDTH, count, dtype=np.float32),
        hidden_bias=np.zeros(count, dtype=np.float32),
        weights=np.eye(count, dtype=np.float32),
        bias=np.zeros(count, dtype=np.float32),
        refuse_below=refuse_below,
        accept_from=accept_from,
        interface=interface,
    )


NO_SIDES = np.zeros((1, FEATURES), dtype=np.float32)


def looks_like(kind: str, strength: float = 6.0) -> np.ndarray:
    inputs = np.zeros((1, WIDTH), dtype=np.float32)
    inputs[0, CLASSES.index(kind)] = strength
    return inputs


@pytest.mark.parametrize("kind", CLASSES)
def test_a_clear_picture_is_taken_for_what_it_is(kind: str) -> None:
    assert one_hot_gate().decide(looks_like(kind), NO_SIDES) == [GateDecision(kind)]


def test_between_the_thresholds_a_film_is_scored_with_a_note() -> None:
    doubtful = looks_like(FRONTAL, 4.0) + looks_like("lateral", 3.9)
    assert one_hot_gate(0.3, 0.45).decide(doubtful, NO_SIDES) == [ACCEPTED]
    assert one_hot_gate(0.3, 0.6).decide(doubtful, NO_SIDES) == [UNSURE]
    assert one_hot_gate(0.6, 0.9).decide(doubtful, NO_SIDES) == [GateDecision("lateral")]
    assert UNSURE.notes == (note_codes.GATE_UNSURE,)


def test_a_screenshot_is_refused_only_with_evidence_of_an_interface() -> None:
    rule = InterfaceRule(np.eye(1, LAYOUT_FEATURES, dtype=np.float32)[0], 0.0, 2.0)
    plain, with_menus = looks_like(FRAMED), looks_like(FRAMED)
    with_menus[0, len(CLASSES)] = 3.0
    assert one_hot_gate(interface=rule).decide(plain, NO_SIDES) == [UNSURE]
    assert one_hot_gate(interface=rule).decide(with_menus, NO_SIDES) == [GateDecision(FRAMED)]
    assert one_hot_gate(interface=rule).decide(looks_like("ct"), NO_SIDES) == [GateDecision("ct")]


def test_probabilities_add_up_however_far_the_inputs_are() -> None:
    inputs = RNG.normal(0, 500, (20, WIDTH)).astype(np.float32)
    probabilities = one_hot_gate().probabilities(inputs)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(one_hot_gate().standardise(inputs)).max() == MAX_DEVIATION


def test_the_input_has_every_part_in_its_place() -> None:
    film = RNG.integers(0, 256, (300, 260)).astype(np.uint8)
    mask = mask_with((12, 50, 8, 26), (12, 50, 38, 56))
    box = lung_box(mask, (300, 260))
    context = np.full(CONTEXT_FEATURES, 7.0, dtype=np.float32)
    found = gate_input(film, mask_input(film), mask, lung_fields(mask), box, context)
    assert found.shape == (INPUTS,)
    assert (found[:CONTEXT_FEATURES] == 7.0).all()
    assert found[CONTEXT_FEATURES : CONTEXT_FEATURES + 256].mean() == pytest.approx(mask.mean())


@pytest.mark.parametrize("kind", sorted({*REFUSALS}))
def test_every_refusal_has_a_stable_code_and_a_sentence(kind: str) -> None:
    error = refusal(kind)
    assert isinstance(error, Reason)
    assert error.code == REFUSALS[kind].code
    assert error.detail.startswith("Not scored: ")
    assert error.detail.endswith(".")


def test_a_gate_is_read_as_it_was_written(tmp_path: Path) -> None:
    interface = InterfaceRule(RNG.random(LAYOUT_FEATURES).astype(np.float32), 0.5, 1.5)
    mirror = MirrorRule(RNG.random(FEATURES).astype(np.float32), -2.5, -1.5)
    write_gate(tmp_path / "gate.npz", replace(one_hot_gate(0.25, 0.75, interface), mirror=mirror))
    again = read_gate(tmp_path / "gate.npz")
    assert (again.refuse_below, again.accept_from) == (0.25, 0.75)
    assert np.array_equal(again.hidden, one_hot_gate().hidden)
    assert again.interface is not None
    assert np.array_equal(again.interface.weights, interface.weights)
    assert (again.interface.bias, again.interface.threshold) == (0.5, 1.5)
    assert again.mirror is not None
    assert (again.mirror.threshold, again.mirror.doubt_below) == (-2.5, -1.5)
    write_gate(tmp_path / "gate.npz", one_hot_gate())
    assert (read_gate(tmp_path / "gate.npz").interface, read_gate(tmp_path / "gate.npz").mirror) == (None, None)


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
