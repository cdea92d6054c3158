"""What ``screener`` is worth, measured on the bundle as it is served and on folds trained by the same recipe."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import FilmRecord
from ml.data.split_file import trained_patients
from ml.decoding.preprocess import Grey
from ml.errors import BundleError
from ml.evaluation.card import evaluation
from ml.evaluation.shortcut_probes import map_in_lungs, probe, source_from_features
from ml.evaluation.subgroups import by_subgroup
from ml.inference.bundle import SPLIT, find
from ml.inference.classifier import Classifier
from ml.statistics.calibration import predictive_values, sigmoid, slope_and_intercept
from ml.statistics.delong import delong_test
from ml.statistics.metrics import auroc, recall, specificity
from ml.training.screener.films import Films, Mask, folds

BATCH = 8
PREVALENCES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Parts:
    """Who trains, who calibrates, who tests: masks over the films, whole patient groups each."""

    train: Mask
    validation: Mask
    test: Mask


@dataclass(frozen=True)
class Served:
    """The shipped bundle's word on every film, the gate left aside.

    Attributes:
        scores: calibrated, [N].
        features: [N, C].
    """

    scores: Float64Array
    features: Float32Array


def serve(classifier: Classifier, films: Sequence[Grey]) -> Served:
    """Run a bundle over films the way the worker does."""
    scores, features = [], []
    for start in range(0, len(films), BATCH):
        prepared = classifier.prepare(films[start : start + BATCH])
        output = classifier.predict(np.stack([ready.input for ready in prepared]))
        scores.append(output.scores)
        if output.features is not None:
            features.append(output.features)
    return Served(
        np.concatenate(scores), np.concatenate(features) if features else np.zeros((len(films), 0), np.float32)
    )


def measure(films: Films, part: Mask, scores: Float64Array, name: str, threshold: float) -> dict[str, Any]:
    """One row of evidence with calibration slope and intercept, see :func:`ml.evaluation.card.evaluation`."""
    records = [film for film, chosen in zip(films.records, part, strict=True) if chosen]
    row = evaluation(name, records, list(films.groups[part]), scores[part], threshold)
    slope, intercept = slope_and_intercept(films.labels[part], scores[part])
    return row | {"calibration_slope": round(slope, 3), "calibration_intercept": round(intercept, 3)}


def fold_scores(films: Films, runs: Path, calibration: tuple[float, float]) -> dict[str, tuple[Mask, Float64Array]]:
    """For each test of each fold its films and their scores, by networks trained without those sources.

    One network each, as one ships, of the first seed; the calibration is the shipped model's, as a new hospital
    would get it.

    Raises:
        BundleError: when a fold was not trained.
    """
    found = {}
    for name, fold in folds(films).items():
        path = runs / f"{name}-0" / "scores.csv"
        if not path.exists():
            raise BundleError(
                f"fold {name} is not trained; run `python -m ml.training.screener.folds --folds {name}`"
            )
        logits = _read_logits(films, path)
        scores = sigmoid(calibration[0] * logits + calibration[1])
        for test, (positives, negatives) in fold.tests.items():
            found[f"{test}, neither seen in training"] = (positives | negatives, scores)
    return found


def spread(films: Films, runs: Path) -> list[dict[str, Any]]:
    """AUROC of each seed, for the tests of the folds that were trained with several."""
    table = json.loads((runs / "folds.json").read_text())
    rows = []
    for name, fold in folds(films).items():
        trained = sorted(key for key in table if key.rsplit("-", 1)[0] == name)
        for test in fold.tests if len(trained) > 1 else ():
            values = [table[key][test]["auroc"] for key in trained]
            rows.append({"name": test, "values": values, "spread": round(max(values) - min(values), 4)})
    return rows


def against_seed(films: Films, parts: dict[str, tuple[Mask, Float64Array]]) -> list[dict[str, Any]]:
    """DeLong's test against ``seed-cnn`` on the same films; those it was trained on are left out.

    Args:
        films: every film.
        parts: for each row its films and the screener's scores, [N].
    """
    seed = Classifier(find("seed-cnn"), threads=0)
    trained_on = trained_patients(seed.bundle.path / SPLIT)
    fresh = np.array([film.patient_key not in trained_on for film in films.records])
    needed = fresh & np.any([part for part, _ in parts.values()], axis=0)
    scores = np.full(len(films.records), np.nan)
    scores[needed] = serve(seed, [film for film, use in zip(films.pixels, needed, strict=True) if use]).scores
    rows = []
    for name, (part, ours) in parts.items():
        both = part & fresh
        labels = films.labels[both]
        if min(labels.sum(), (1 - labels).sum()) < 2:
            continue
        found = delong_test(labels, ours[both], scores[both])
        rows.append({"name": name, "films": int(both.sum()), "screener": round(found.first, 4),
                     "seed_cnn": round(found.second, 4), "p": float(f"{found.p:.2g}")})  # fmt: skip
    return rows


def at_points(labels: NDArray[Any], scores: Float64Array, low: float, high: float) -> dict[str, dict[str, float]]:
    """Sensitivity and specificity at both operating points."""
    return {
        name: {
            "sensitivity": round(recall(labels, scores, point), 4),
            "specificity": round(specificity(labels, scores, point), 4),
        }
        for name, point in (("low", low), ("high", high))
    }


def at_prevalences(measured: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """PPV of a positive and NPV of a negative decision at several prevalences, see :func:`at_points`."""
    rows = []
    for prevalence in PREVALENCES:
        high, low = measured["high"], measured["low"]
        ppv, _ = predictive_values(high["sensitivity"], high["specificity"], prevalence)
        _, npv = predictive_values(low["sensitivity"], low["specificity"], prevalence)
        rows.append({"prevalence": prevalence, "ppv": round(ppv, 4), "npv": round(npv, 4)})
    return rows


def shortcuts(classifier: Classifier, films: Films, parts: Parts, served: Served) -> dict[str, Any]:
    """Every shortcut probe, on the test films."""
    test = [film for film, use in zip(films.pixels, parts.test, strict=True) if use]
    ill = [film for film, use in zip(films.pixels, parts.test & (films.labels == 1), strict=True) if use]
    well = (films.findings == "normal") & parts.test
    children = films.sources == "chest_xray"
    return {
        "changed_films": probe(classifier, test, films.labels[parts.test]),
        "source_from_features": source_from_features(
            served.features[parts.train],
            list(films.sources[parts.train]),
            served.features[parts.test],
            list(films.sources[parts.test]),
        ),
        "healthy_children_below_healthy_adults": round(auroc(~children[well], served.scores[well]), 4),
        "map_in_lungs": round(map_in_lungs(classifier, ill), 4),
    }


def subgroups(films: Films, part: Mask, scores: Float64Array) -> list[dict[str, Any]]:
    """By view, sex, age and source, on the films of ``part``."""
    records: list[FilmRecord] = [film for film, use in zip(films.records, part, strict=True) if use]
    return by_subgroup(records, list(films.groups[part]), scores[part])


def _read_logits(films: Films, path: Path) -> Float64Array:
    """A fold's logits in the films' order, NaN where it was not tested."""
    with path.open(newline="") as file:
        known = {(row["source"], row["file"]): float(row["logit"]) for row in csv.DictReader(file)}
    return np.array([known.get((film.source, film.path.name), np.nan) for film in films.records])
