from __future__ import annotations

import numpy as np
import pytest

from ml import note_codes
from ml.decoding.preprocess import Grey
from ml.errors import Reason
from ml.inference.bundle import find_bundle
from ml.inference.classifier import Classifier, FilmResult
from ml.inference.gate import CLASSES, FRONTAL, MIRRORED, Gate
from ml.inference.mirror import FEATURES, MirrorRule, side_features
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.rules import fit_mirror_weights

RNG = np.random.default_rng(4)


def test_a_mirrored_film_has_the_features_reversed() -> None:
    seen, mask = RNG.random((224, 224, 1)).astype(np.float32), RNG.random((64, 64)).astype(np.float32)
    features = side_features(seen, mask)
    assert features.shape == (FEATURES,)
    assert side_features(seen[:, ::-1], mask[:, ::-1]) == pytest.approx(-features, abs=1e-6)
    assert np.abs(features).max() > 0.01


def test_the_weights_learn_the_side() -> None:
    sides = RNG.normal(0, 1, (2000, FEATURES)).astype(np.float32)
    sides[:, 0] += 4  # the heart
    scores = sides @ fit_mirror_weights(sides)
    assert (scores > 0).mean() > 0.95
    assert scores.std() == pytest.approx(1.0, abs=0.05)


def gate(mirror: MirrorRule | None) -> Gate:
    count = len(CLASSES)
    ones, zeros = np.ones(count, np.float32), np.zeros(count, np.float32)
    square = np.eye(count, dtype=np.float32)
    return Gate(zeros, ones, square, zeros, square, zeros, 0.3, 0.5, None, mirror)


def test_only_frontal_films_are_called_mirrored_and_a_doubt_is_a_note() -> None:
    rule = MirrorRule(np.full(FEATURES, 1 / FEATURES, np.float32), -3.0, -1.0)
    inputs = np.zeros((4, len(CLASSES)), np.float32)
    inputs[:3, CLASSES.index(FRONTAL)] = 6
    inputs[3, CLASSES.index("lateral")] = 6
    sides = np.stack([np.full(FEATURES, value, np.float32) for value in (1, -4, -2, -4)])
    decisions = gate(rule).decide(inputs, sides)
    assert [decision.kind for decision in decisions] == [FRONTAL, MIRRORED, FRONTAL, "lateral"]
    assert [decision.notes for decision in decisions] == [(), (), (note_codes.MAY_BE_MIRRORED,), ()]
    assert [decision.kind for decision in gate(None).decide(inputs, sides)] == [FRONTAL, FRONTAL, FRONTAL, "lateral"]


def phantom(seed: int) -> Grey:
    return chest(PhantomSpec(height=448, width=416, seed=seed)).astype(np.uint8)


def test_the_shipped_gate_notes_mirrored_phantoms_and_no_upright_ones() -> None:
    """It finds about a third of mirrored films, see the card; most sides cannot be told at another hospital."""
    classifier = Classifier(find_bundle("screener"))
    films = [phantom(seed) for seed in range(16)]
    upright = classifier.classify(films)
    assert [found.notes if isinstance(found, FilmResult) else found for found in upright] == [()] * 16
    answers = classifier.classify([np.ascontiguousarray(film[:, ::-1]) for film in films])
    refused = [isinstance(found, Reason) and found.code == "mirrored" for found in answers]
    noted = [isinstance(found, FilmResult) and found.notes == (note_codes.MAY_BE_MIRRORED,) for found in answers]
    assert sum(refused) + sum(noted) >= 4
