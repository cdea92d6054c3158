"""Measurements of ``screener``: of the bundle as it is served, and of folds trained by the same recipe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import FilmRecord
from ml.data.split_file import trained_patients
from ml.decoding.preprocess import Grey
from ml.errors import BundleError
from ml.evaluation.measurement import evaluate_scores
from ml.evaluation.shortcut_probes import measure_map_in_lungs, probe_changed_films, probe_source
from ml.evaluation.subgroups import evaluate_subgroups
from ml.inference.bundle import SPLIT, find_bundle
from ml.inference.classifier import Classifier
from ml.model_card.evidence import (
    AtOperatingPoints,
    AtPrevalence,
    Evaluation,
    FoldSpread,
    SeedComparison,
    SensitivitySpecificity,
    Shortcuts,
    Subgroup,
)
from ml.statistics.calibration import predictive_values, sigmoid, slope_and_intercept
from ml.statistics.delong import delong_test
from ml.statistics.metrics import auroc, recall, specificity
from ml.training.screener.films import Films, Mask, folds
from ml.training.screener.folds import AUROCS
from ml.training.screener.left_out_scores import read_logits

BATCH = 8
PREVALENCES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Parts:
    """Films to train on, to calibrate on and to test on: masks over the films, whole patient groups each."""

    train: Mask
    validation: Mask
    test: Mask


@dataclass(frozen=True)
class ServedFilms:
    """Scores and features of films from a bundle, without its gate.

    Attributes:
        scores: calibrated, [N].
        features: pooled, [N, C]; [N, 0] where the network has none.
    """

    scores: Float64Array
    features: Float32Array


def score_films(classifier: Classifier, films: Sequence[Grey]) -> ServedFilms:
    """Run a bundle over films in the same steps as the worker, without the gate."""
    scores, features = [], []
    for start in range(0, len(films), BATCH):
        prepared = classifier.prepare(films[start : start + BATCH])
        output = classifier.predict(np.stack([film.input for film in prepared]))
        scores.append(output.scores)
        if output.features is not None:
            features.append(output.features)
    return ServedFilms(
        np.concatenate(scores), np.concatenate(features) if features else np.zeros((len(films), 0), np.float32)
    )


def evaluate_part(films: Films, part: Mask, scores: Float64Array, name: str, threshold: float) -> Evaluation:
    """Measure some of the films, with calibration slope and intercept.

    See :func:`ml.evaluation.measurement.evaluate_scores`.
    """
    records = [film for film, chosen in zip(films.records, part, strict=True) if chosen]
    row = evaluate_scores(name, records, list(films.groups[part]), scores[part], threshold)
    slope, intercept = slope_and_intercept(films.labels[part], scores[part])
    if np.isnan(slope):
        return row
    return replace(row, calibration_slope=round(slope, 3), calibration_intercept=round(intercept, 3))


def fold_scores(films: Films, runs: Path, calibration: tuple[float, float]) -> dict[str, tuple[Mask, Float64Array]]:
    """Return for each test of each fold its films and their scores.

    The networks were trained without the sources of the test and merged from several seeds, as the one that is
    served; the calibration is the served model's, as a new hospital would get it.

    Args:
        films: every film.
        runs: folder of the trained folds.
        calibration: slope and intercept.

    Raises:
        BundleError: when a fold was not trained.
    """
    found = {}
    for name, fold in folds(films).items():
        path = runs / name / "scores.csv"
        if not path.exists():
            raise BundleError(
                f"fold {name} is not trained; run `python -m ml.training.screener.folds --folds {name}`"
            )
        logits = read_logits(films, path)
        scores = sigmoid(calibration[0] * logits + calibration[1])
        for test, (positives, negatives) in fold.tests.items():
            found[f"{test}, neither seen in training"] = (positives | negatives, scores)
    return found


def spread_over_seeds(films: Films, runs: Path) -> tuple[FoldSpread, ...]:
    """Return the AUROC of each seed for the tests of the folds that were trained with several seeds."""
    rows = []
    for name, fold in folds(films).items():
        table = json.loads((runs / name / AUROCS).read_text())
        trained = sorted(key for key in table if key != name and key.rsplit("-", 1)[0] == name)
        for test in fold.tests if len(trained) > 1 else ():
            values = tuple(table[key][test]["auroc"] for key in trained)
            rows.append(FoldSpread(test, values, round(max(values) - min(values), 4)))
    return tuple(rows)


def compare_with_seed_cnn(films: Films, parts: dict[str, tuple[Mask, Float64Array]]) -> tuple[SeedComparison, ...]:
    """Compare with ``seed-cnn`` on the same films by DeLong's test; films it was trained on are left out.

    Args:
        films: every film.
        parts: for each row its films and the screener's scores, [N].
    """
    seed = Classifier(find_bundle("seed-cnn"), threads=0)
    trained_on = trained_patients(seed.bundle.path / SPLIT)
    fresh = np.array([film.patient_key not in trained_on for film in films.records])
    needed = fresh & np.any([part for part, _ in parts.values()], axis=0)
    scores = np.full(len(films.records), np.nan)
    chosen = [film for film, use in zip(films.pixels, needed, strict=True) if use]
    scores[needed] = score_films(seed, chosen).scores
    rows = []
    for name, (part, ours) in parts.items():
        both = part & fresh
        labels = films.labels[both]
        if min(labels.sum(), (1 - labels).sum()) < 2:
            continue
        found = delong_test(labels, ours[both], scores[both])
        rows.append(
            SeedComparison(
                name, int(both.sum()), round(found.first, 4), round(found.second, 4), p=float(f"{found.p:.2g}")
            )
        )
    return tuple(rows)


def measure_operating_points(
    labels: NDArray[Any], scores: Float64Array, low: float, high: float
) -> AtOperatingPoints:
    """Return sensitivity and specificity at both operating points."""

    def measure(point: float) -> SensitivitySpecificity:
        return SensitivitySpecificity(
            round(recall(labels, scores, point), 4), round(specificity(labels, scores, point), 4)
        )

    return AtOperatingPoints(measure(low), measure(high))


def tabulate_prevalences(measured: AtOperatingPoints) -> tuple[AtPrevalence, ...]:
    """Return the PPV of a positive and the NPV of a negative decision at several prevalences."""
    rows = []
    for prevalence in PREVALENCES:
        ppv, _ = predictive_values(measured.high.sensitivity, measured.high.specificity, prevalence)
        _, npv = predictive_values(measured.low.sensitivity, measured.low.specificity, prevalence)
        rows.append(AtPrevalence(prevalence, _round(ppv), _round(npv)))
    return tuple(rows)


def _round(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)


def probe_shortcuts(classifier: Classifier, films: Films, parts: Parts, served: ServedFilms) -> Shortcuts:
    """Run every shortcut probe on the test films."""
    test = [film for film, use in zip(films.pixels, parts.test, strict=True) if use]
    ill = [film for film, use in zip(films.pixels, parts.test & (films.labels == 1), strict=True) if use]
    well = (films.findings == "normal") & parts.test
    children = films.sources == "chest_xray"
    return Shortcuts(
        changed_films=probe_changed_films(classifier, test, films.labels[parts.test]),
        source_from_features=probe_source(
            served.features[parts.train],
            list(films.sources[parts.train]),
            served.features[parts.test],
            list(films.sources[parts.test]),
        ),
        healthy_children_below_healthy_adults=round(auroc(~children[well], served.scores[well]), 4),
        map_in_lungs=round(measure_map_in_lungs(classifier, ill), 4),
    )


def evaluate_part_by_subgroup(films: Films, part: Mask, scores: Float64Array) -> tuple[Subgroup, ...]:
    """Return the AUROC by view, sex, age and source on the films of ``part``."""
    records: list[FilmRecord] = [film for film, use in zip(films.records, part, strict=True) if use]
    return evaluate_subgroups(records, list(films.groups[part]), scores[part])
