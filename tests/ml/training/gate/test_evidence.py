"""Folds, thresholds and evidence of the gate, on inputs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.inference.gate import CLASSES, FRAMED, FRONTAL, INPUTS, LATERAL
from ml.inference.mirror import FEATURES
from ml.training.gate.evidence import KEPT_SHARE, NOTED_SHARE, Thresholds, choose_thresholds, measure_gate
from ml.training.gate.folds import FAMILIES, HOSPITALS, LeftOutResults, cross_validate, gate_folds
from ml.training.gate.inputs import GateInputs
from ml.training.gate.network import fit_gate, picture_weights

RNG = np.random.default_rng(7)
HOSPITAL, OTHER_HOSPITAL = HOSPITALS[:2]


def pictures(
    kinds: list[str], sources: list[str], recipes: list[str], inputs: np.ndarray | None = None
) -> GateInputs:
    count = len(kinds)
    return GateInputs(
        inputs=np.zeros((count, INPUTS), np.float32) if inputs is None else inputs,
        sides=RNG.normal(0.5, 1, (count, FEATURES)).astype(np.float32),
        kinds=np.array(kinds),
        groups=np.array([str(number) for number in range(count)]),
        sources=np.array(sources),
        recipes=np.array(recipes),
    )


def results(frontal: np.ndarray, by_recipe: np.ndarray | None = None, other: str = LATERAL) -> LeftOutResults:
    """Results with these probabilities of a frontal film; the rest goes to one other class."""

    def table(shares: np.ndarray) -> np.ndarray:
        found = np.zeros((len(shares), len(CLASSES)), np.float32)
        found[:, CLASSES.index(FRONTAL)] = shares
        found[:, CLASSES.index(other)] = 1 - shares
        return found

    unknown = np.full(len(frontal), np.nan)
    recipe = table(unknown if by_recipe is None else by_recipe)
    return LeftOutResults(
        table(frontal), recipe, np.zeros(len(frontal), np.float32), np.ones(len(frontal), np.float32)
    )


def test_every_hospital_and_every_recipe_is_left_out_once() -> None:
    folders = ["photographs: a", "photographs: b"]
    folds = gate_folds(np.array([*HOSPITALS, *folders, "drawn"]))
    sources = [name for fold in folds for name in fold.sources]
    assert sorted(sources) == sorted([*HOSPITALS, *folders])
    recipes = [name for fold in folds for name in fold.recipes]
    assert sorted(recipes) == sorted(name for names in FAMILIES.values() for name in names)


def test_a_recipe_is_found_among_several() -> None:
    found = pictures([FRONTAL] * 3, ["x"] * 3, ["", "contrast+cut off", "cut off"]).made_by(["contrast"])
    assert found.tolist() == [False, True, False]


def test_the_worst_hospital_sets_the_threshold() -> None:
    good, bad = RNG.uniform(0.9, 1.0, 200), RNG.uniform(0.3, 1.0, 200)
    films = pictures([FRONTAL] * 400, [HOSPITAL] * 200 + [OTHER_HOSPITAL] * 200, [""] * 400)
    found = choose_thresholds(films, results(np.concatenate([good, bad])))
    assert (bad >= found.refuse_below).mean() >= KEPT_SHARE
    assert 0.3 <= found.refuse_below < 0.35
    assert (bad >= found.accept_from).mean() >= KEPT_SHARE - NOTED_SHARE


LIMITS = Thresholds(refuse_below=0.2, accept_from=0.6, interface=0.5, mirrored=-3.0, may_be_mirrored=-1.0)


def test_shares_are_counted_for_each_source_and_recipe() -> None:
    kinds, sources = [FRONTAL] * 4 + [LATERAL] * 2, [HOSPITAL] * 4 + [OTHER_HOSPITAL] * 2
    recipes = ["", "", "contrast", "contrast", "", ""]
    frontal = np.array([0.9, 0.4, 0.9, 0.1, 0.1, 0.7])
    by_recipe = np.array([np.nan, np.nan, 0.9, 0.4, np.nan, np.nan])
    found = measure_gate(pictures(kinds, sources, recipes), results(frontal, by_recipe), LIMITS)
    rows = {(row.family, row.name, row.kind): row for row in found.left_out}
    published = rows["source", HOSPITAL, FRONTAL]
    assert (published.pictures, published.kept, published.unsure, published.refused.value) == (2, 0.5, 0.5, 0.0)
    framed = rows["source, in a framing", HOSPITAL, FRONTAL]
    assert (framed.kept, framed.refused.value) == (0.5, 0.5)
    assert framed.refused.low is not None
    assert framed.refused.low < 0.5
    lateral = rows["source", OTHER_HOSPITAL, LATERAL]
    assert (lateral.kept, lateral.refused.value) == (0.5, 0.5)
    contrast = rows["framing", "contrast", FRONTAL]
    assert (contrast.pictures, contrast.kept, contrast.unsure, contrast.refused.value) == (2, 0.5, 0.5, 0.0)
    assert (found.threshold, found.accept_from) == (0.2, 0.6)
    assert (found.out_of_fold[FRONTAL].pictures, found.out_of_fold[FRONTAL].unsure) == (2, 0.5)


def test_without_evidence_of_an_interface_a_screenshot_counts_as_unsure() -> None:
    screens = pictures([FRAMED] * 2, [HOSPITAL] * 2, [""] * 2)
    plain = results(np.zeros(2), other=FRAMED)
    shown = LeftOutResults(plain.by_source, plain.by_recipe, np.ones(2, np.float32), plain.sides)
    assert measure_gate(screens, plain, LIMITS).out_of_fold[FRAMED].refused == 0.0
    assert measure_gate(screens, shown, LIMITS).out_of_fold[FRAMED].refused == 1.0


def test_kinds_weigh_the_same_and_large_sources_by_their_root() -> None:
    kinds = np.array([FRONTAL] * 50 + [LATERAL] * 10)
    weights = picture_weights(kinds, ["a"] * 40 + ["b"] * 10 + ["a"] * 10)
    assert weights[:50].sum() == pytest.approx(weights[50:].sum(), rel=1e-5)
    assert weights[:40].sum() == pytest.approx(2 * weights[40:50].sum(), rel=1e-5)
    assert weights.mean() == pytest.approx(1.0, rel=1e-5)


def test_gates_are_fitted_without_what_they_are_tested_on() -> None:
    """Kinds can be told in known hospitals only; a gate that had seen the one left out would tell them there too."""
    count = 400
    kinds = np.array([FRONTAL, LATERAL, FRAMED] * (count // 3 + 1))[:count]
    sources = np.array([HOSPITAL, OTHER_HOSPITAL])[RNG.integers(0, 2, count)]
    inputs = RNG.normal(0, 1, (count, INPUTS)).astype(np.float32)
    for column, kind in enumerate((FRONTAL, LATERAL, FRAMED)):
        inputs[kinds == kind, 200 * column : 200 * column + 200] += 3
    known = pictures(list(kinds), list(sources), [""] * count, inputs)
    gate = fit_gate(inputs, kinds, sources)
    told = np.array(CLASSES)[gate.probabilities(inputs).argmax(axis=1)]
    assert (told == kinds).mean() > 0.95
    found = cross_validate(known, [fold for fold in gate_folds(sources) if fold.sources & {HOSPITAL, OTHER_HOSPITAL}])
    assert not np.isnan(found.by_source).any()
    assert np.isnan(found.by_recipe).all()
    assert (np.array(CLASSES)[found.by_source.argmax(axis=1)] == kinds).mean() > 0.9
