"""The model card: everything that must be known of a model, measured, and carried beside its weights."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.data.datasets import FilmRecord
from ml.statistics import metrics
from ml.statistics.estimate import wilson_interval
from ml.statistics.metrics import Metric

BOOTSTRAPS = 2000
CURVE_POINTS = 100  # kept of a curve for drawing; every figure is computed on all of them
CLASSES = ("not COVID-19", "COVID-19")


def at_threshold(threshold: float) -> dict[str, Metric]:
    """The metrics that need a threshold, bound to one."""
    return {
        function.__name__: partial(function, threshold=threshold)
        for function in (metrics.accuracy, metrics.precision, metrics.recall, metrics.specificity, metrics.f1)
    }


WITHOUT_THRESHOLD: dict[str, Metric] = {
    "auroc": metrics.auroc,
    "auprc": metrics.auprc,
    "brier": metrics.brier,
    "ece": metrics.expected_calibration_error,
}


def evaluation(
    name: str, films: Sequence[FilmRecord], groups: Sequence[str], scores: Float64Array, threshold: float
) -> dict[str, Any]:
    """One row of evidence: a model's scores on one collection of films.

    Args:
        name: what the collection is, for people.
        films: the films, [N].
        groups: the patient group of each, [N]; intervals are drawn by group.
        scores: P(COVID-19), [N].
        threshold: at or above it a film is called COVID-19.

    Returns:
        JSON-ready: counts, values with 95 % intervals, confusion, report, ROC, PR and calibration points.
    """
    labels = np.array([film.label for film in films])
    functions = {**at_threshold(threshold), **WITHOUT_THRESHOLD}
    return {
        "name": name,
        "films": len(films),
        "positives": int(labels.sum()),
        "patients": len(set(groups)),
        "sources": sorted({film.source for film in films}),
        "threshold": threshold,
        "values": {
            key: _with_interval(key, function, labels, scores, groups, threshold)
            for key, function in functions.items()
        },
        "confusion": metrics.confusion(labels, scores, threshold).as_dict(),
        "report": _report(labels, scores, threshold),
        "roc": _curve([point[:2] for point in metrics.roc_points(labels, scores)]),
        "pr": _curve([point[:2] for point in metrics.pr_points(labels, scores)]),
        "calibration": [vars(part) for part in metrics.calibration_bins(labels, scores)],
    }


def readable(card: dict[str, Any]) -> str:
    """JSON whose short lists stay on one line."""
    text = json.dumps(card, indent=1, ensure_ascii=False)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def software(names: Sequence[str]) -> dict[str, str]:
    """The versions of these packages, and Python's."""
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def part_counts(films: Sequence[FilmRecord], groups: Sequence[str]) -> dict[str, int]:
    """Films, positives and patients of one part of a split."""
    return {
        "films": len(films),
        "positives": sum(film.label for film in films),
        "patients": len(set(groups)),
    }


def _with_interval(
    name: str, function: Metric, labels: NDArray[Any], scores: Float64Array, groups: Sequence[str], threshold: float
) -> dict[str, float | None]:
    value = function(labels, scores)
    low, high = metrics.bootstrap_interval(function, labels, scores, groups, repeats=BOOTSTRAPS)
    if low == high:  # no draw differs, as when nothing went wrong: the bootstrap knows no uncertainty then
        low, high = _interval_without_errors(name, value, labels, scores, groups, threshold)
    return {"value": _json(value), "low": _json(low), "high": _json(high)}


def _interval_without_errors(
    name: str, value: float, labels: NDArray[Any], scores: Float64Array, groups: Sequence[str], threshold: float
) -> tuple[float, float]:
    """Wilson's interval over the patients a share is a share of; NaN for what is no share."""
    called = scores >= threshold
    of = {"accuracy": labels >= 0, "precision": called, "recall": labels == 1, "specificity": labels == 0}
    if name not in of:
        return float("nan"), float("nan")
    patients = len(set(np.asarray(groups)[of[name]]))
    return wilson_interval(value * patients, patients)


def _report(labels: NDArray[Any], scores: Float64Array, threshold: float) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each class; the other class is the same with labels and calls swapped."""
    sides = ((labels == 0, 1 - (scores >= threshold)), (labels == 1, 1.0 * (scores >= threshold)))
    return [
        {
            "class": name,
            "precision": _json(metrics.precision(truth, called)),
            "recall": _json(metrics.recall(truth, called)),
            "f1": _json(metrics.f1(truth, called)),
            "films": int(truth.sum()),
        }
        for name, (truth, called) in zip(CLASSES, sides, strict=True)
    ]


def _json(value: float) -> float | None:
    """JSON has no NaN; undefined is null."""
    return None if np.isnan(value) else round(float(value), 6)


def _curve(points: Sequence[tuple[float, float]]) -> list[list[float | None]]:
    """Evenly many points of a curve, both ends kept."""
    kept = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))
    return [[_json(value) for value in points[index]] for index in kept]
