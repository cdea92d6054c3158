from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.decoding.preprocess import Grey
from ml.errors import Reason
from ml.inference.bundle import GATE, find_bundle
from ml.inference.classifier import Classifier, FilmResult
from ml.inference.gate import CLASSES, FRONTAL, MIRRORED, Gate, read_gate, write_gate
from ml.inference.mirror import FEATURES, MirrorRule, side_features
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.mirror import MAX_FALSE_ALARMS, train_mirror_rule

RNG = np.random.default_rng(4)


def test_a_mirrored_film_has_the_features_reversed() -> None:
    seen, mask = RNG.random((224, 224, 1)).astype(np.float32), RNG.random((64, 64)).astype(np.float32)
    features = side_features(seen, mask)
    assert features.shape == (FEATURES,)
    assert side_features(seen[:, ::-1], mask[:, ::-1]) == pytest.approx(-features, abs=1e-6)
    assert np.abs(features).max() > 0.01


def test_the_rule_learns_the_side_and_keeps_its_promise_on_false_alarms() -> None:
    sides = RNG.normal(0, 1, (2000, FEATURES)).astype(np.float32)
    sides[:, 0] += 4  # the heart
    rule, found = train_mirror_rule(sides, [str(number // 2) for number in range(len(sides))])
    assert found.false_alarms is not None
    assert found.false_alarms <= MAX_FALSE_ALARMS
    assert found.refused > 0.9
    assert rule.mirrored(-sides).mean() > 0.9
    assert rule.threshold <= 0


def test_where_sides_cannot_be_told_hardly_any_film_is_refused() -> None:
    sides = RNG.normal(0, 1, (1000, FEATURES)).astype(np.float32)
    _, found = train_mirror_rule(sides, [str(number) for number in range(len(sides))])
    assert found.false_alarms is not None
    assert max(found.false_alarms, found.refused) < 0.02


def gate(mirror: MirrorRule | None) -> Gate:
    count = len(CLASSES)
    ones, zeros = np.ones(count, np.float32), np.zeros(count, np.float32)
    return Gate(np.eye(count, dtype=np.float32), zeros, zeros, ones, 0.5, mirror)


def test_only_frontal_films_are_called_mirrored() -> None:
    rule = MirrorRule(np.ones(FEATURES, np.float32), -1.0)
    inputs = np.zeros((3, len(CLASSES)), np.float32)
    inputs[[0, 1], CLASSES.index(FRONTAL)] = 9
    inputs[2, CLASSES.index("lateral")] = 9
    sides = np.stack([np.full(FEATURES, value, np.float32) for value in (1, -1, -1)])
    assert gate(rule).classify(inputs, sides) == [FRONTAL, MIRRORED, "lateral"]
    assert gate(None).classify(inputs, sides) == [FRONTAL, FRONTAL, "lateral"]


def test_a_gate_keeps_its_rule_on_disk(tmp_path: Path) -> None:
    rule = MirrorRule(RNG.random(FEATURES).astype(np.float32), -2.5)
    write_gate(tmp_path / GATE, gate(rule))
    kept = read_gate(tmp_path / GATE).mirror
    assert kept is not None
    assert (kept.weights == rule.weights).all()
    assert kept.threshold == rule.threshold
    write_gate(tmp_path / GATE, replace(gate(rule), mirror=None))
    assert read_gate(tmp_path / GATE).mirror is None


def phantom(seed: int) -> Grey:
    return chest(PhantomSpec(height=448, width=416, seed=seed)).astype(np.uint8)


def test_the_shipped_gate_refuses_mirrored_phantoms_and_keeps_upright_ones() -> None:
    classifier = Classifier(find_bundle("screener"))
    films = [phantom(seed) for seed in range(8)]
    assert all(isinstance(found, FilmResult) for found in classifier.classify(films))
    answers = classifier.classify([np.ascontiguousarray(film[:, ::-1]) for film in films])
    codes = [answer.code for answer in answers if isinstance(answer, Reason)]
    assert codes.count("mirrored") >= 7
