"""The metrics of a model on one collection of films, with confidence intervals by patient group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from ml.arrays import Float64Array
from ml.data.datasets import FilmRecord
from ml.model_card.evidence import ClassReport, Evaluation, Measures, Point
from ml.statistics import metrics
from ml.statistics.estimate import Estimate, wilson_interval
from ml.statistics.metrics import Metric

BOOTSTRAPS = 2000
CURVE_POINTS = 100  # of a curve in the card, for drawing; the metrics are computed on all points
CLASSES = ("not COVID-19", "COVID-19")
WITHOUT_THRESHOLD: dict[str, Metric] = {
    "auroc": metrics.auroc,
    "auprc": metrics.auprc,
    "brier": metrics.brier,
    "ece": metrics.expected_calibration_error,
}


def metrics_at(threshold: float) -> dict[str, Metric]:
    """Return the metrics that need a threshold, bound to one."""
    return {
        function.__name__: partial(function, threshold=threshold)
        for function in (metrics.accuracy, metrics.precision, metrics.recall, metrics.specificity, metrics.f1)
    }


def evaluate_scores(
    name: str, films: Sequence[FilmRecord], groups: Sequence[str], scores: Float64Array, threshold: float
) -> Evaluation:
    """Measure a model's scores on one collection of films.

    Args:
        name: what the collection is, for people.
        films: the films, [N].
        groups: the patient group of each, [N]; intervals are drawn by group.
        scores: P(COVID-19), [N].
        threshold: at or above it a film is called COVID-19.

    Returns:
        counts, metrics with 95 % intervals, confusion matrix, report by class, ROC, PR and calibration points.
    """
    labels = np.array([film.label for film in films])
    functions = {**metrics_at(threshold), **WITHOUT_THRESHOLD}
    return Evaluation(
        name=name,
        films=len(films),
        positives=int(labels.sum()),
        patients=len(set(groups)),
        sources=tuple(sorted({film.source for film in films})),
        threshold=threshold,
        values=Measures(
            **{
                key: _estimate(key, function, labels, scores, groups, threshold)
                for key, function in functions.items()
            }
        ),
        confusion=metrics.confusion(labels, scores, threshold),
        report=_report(labels, scores, threshold),
        roc=_thin_out([point[:2] for point in metrics.roc_points(labels, scores)]),
        pr=_thin_out([point[:2] for point in metrics.pr_points(labels, scores)]),
        calibration=tuple(metrics.calibration_bins(labels, scores)),
    )


def _estimate(
    name: str,
    function: Metric,
    labels: NDArray[Any],
    scores: Float64Array,
    groups: Sequence[str],
    threshold: float,
) -> Estimate:
    """Return a metric with its bootstrap interval, or Wilson's where the bootstrap has no width.

    Sample size and method are left out, as the card's schema has no place for them in version 1.
    """
    value = function(labels, scores)
    low, high = metrics.bootstrap_interval(function, labels, scores, groups, repeats=BOOTSTRAPS)
    if low == high:  # all draws agree, as where no call was wrong; the bootstrap then knows no uncertainty
        low, high = _interval_without_errors(name, value, labels, scores, groups, threshold)
    return Estimate(_null_if_nan(value), _null_if_nan(low), _null_if_nan(high))


def _interval_without_errors(
    name: str,
    value: float,
    labels: NDArray[Any],
    scores: Float64Array,
    groups: Sequence[str],
    threshold: float,
) -> tuple[float, float]:
    """Return Wilson's interval over the patients that a share is taken of; NaN for metrics that are no share."""
    called = scores >= threshold
    whole_of = {"accuracy": labels >= 0, "precision": called, "recall": labels == 1, "specificity": labels == 0}
    if name not in whole_of:
        return float("nan"), float("nan")
    patients = len(set(np.asarray(groups)[whole_of[name]]))
    return wilson_interval(value * patients, patients)


def _report(labels: NDArray[Any], scores: Float64Array, threshold: float) -> tuple[ClassReport, ...]:
    """Return precision, recall and F1 of each class."""
    called = (scores >= threshold).astype(int)
    columns = precision_recall_fscore_support(labels, called, labels=[0, 1], zero_division=np.nan)
    return tuple(
        ClassReport(
            class_name=name,
            precision=_null_if_nan(precision),
            recall=_null_if_nan(recall),
            f1=_null_if_nan(f1),
            films=int(films),
        )
        for name, precision, recall, f1, films in zip(CLASSES, *columns, strict=True)
    )


def _null_if_nan(value: float) -> float | None:
    """Return a number rounded for the card; JSON has no NaN, so what is undefined is null."""
    return None if np.isnan(value) else round(float(value), 6)


def _thin_out(points: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
    """Return evenly spaced points of a curve, both ends included."""
    chosen = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))
    return tuple((_null_if_nan(points[index][0]), _null_if_nan(points[index][1])) for index in chosen)
