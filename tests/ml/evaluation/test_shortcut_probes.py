from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.shortcut_probes import (
    hide_lungs,
    keep_border,
    keep_lungs,
    measure_map_in_lungs,
    probe_changed_films,
    probe_source,
    shrink_to_thumbnail,
)
from ml.inference.bundle import find_bundle
from ml.inference.classifier import Classifier
from ml.model_card.evidence import AtOperatingPoints, SensitivitySpecificity
from ml.phantom.film import PhantomSpec, chest
from ml.training.screener.evidence import measure_operating_points, tabulate_prevalences

FILM = np.random.default_rng(0).integers(1, 255, (100, 80)).astype(np.uint8)
LUNGS = np.zeros((100, 80), dtype=bool)
LUNGS[20:70, 10:70] = True


def test_what_is_hidden_is_black_and_the_rest_untouched() -> None:
    hidden, alone = hide_lungs(FILM, LUNGS), keep_lungs(FILM, LUNGS)
    assert (hidden[LUNGS] == 0).all()
    assert np.array_equal(hidden[~LUNGS], FILM[~LUNGS])
    assert np.array_equal(hidden + alone, FILM)


def test_the_border_probe_leaves_the_frame_only() -> None:
    left = keep_border(FILM, LUNGS)
    assert (left[12:-12, 9:-9] == 0).all()
    assert np.array_equal(left[:12], FILM[:12])


def test_a_thumbnail_keeps_the_size_and_loses_the_detail() -> None:
    coarse = shrink_to_thumbnail(FILM, LUNGS)
    assert coarse.shape == FILM.shape
    assert np.abs(np.diff(coarse.astype(int), axis=1)).mean() < np.abs(np.diff(FILM.astype(int), axis=1)).mean() / 4


def test_sources_with_features_of_their_own_are_told_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    sources = ["a", "b"] * 100
    told = rng.normal(0, 1, (200, 5)).astype(np.float32)
    told[::2, 0] += 6
    blind = rng.normal(0, 1, (200, 5)).astype(np.float32)
    assert probe_source(told, sources, told, sources).balanced_accuracy > 0.95
    found = probe_source(blind[:100], sources[:100], blind[100:], sources[100:])
    assert found.balanced_accuracy < 0.7
    assert found.chance == 0.5


def test_the_probes_run_on_the_bundle_that_ships() -> None:
    classifier = Classifier(find_bundle("screener"), threads=0)
    films = [chest(PhantomSpec(height=300, width=280, seed=seed)).astype(np.uint8) for seed in range(6)]
    rows = probe_changed_films(classifier, films, np.array([0, 1] * 3))
    assert [row.name for row in rows][:2] == ["films as they are", "lungs blacked out"]
    assert all(0 <= row.auroc <= 1 for row in rows)
    assert 0 <= measure_map_in_lungs(classifier, films) <= 1


def test_operating_points_are_measured_and_carried_to_a_prevalence() -> None:
    labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.5, 0.1])
    measured = measure_operating_points(labels, scores, 0.3, 0.8)
    assert measured == AtOperatingPoints(
        low=SensitivitySpecificity(sensitivity=1.0, specificity=0.5),
        high=SensitivitySpecificity(sensitivity=0.5, specificity=1.0),
    )
    rows = tabulate_prevalences(measured)
    assert rows[0].ppv == 1.0
    assert [row.npv for row in rows] == pytest.approx([1.0] * len(rows))
