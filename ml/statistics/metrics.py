"""Metrics of a binary classifier, as pure functions of labels and scores.

Labels are 0 or 1 with 1 = COVID-19, scores are P(COVID-19) in 0..1; both are arrays [N].

scikit-learn has these metrics too. They are written here because a bootstrap computes each of them 2,000 times, in
which scikit-learn takes 7 to 500 times as long, and because its AUROC, AUPRC and Brier score differ from those of the
published cards in the last digit of a double. The tests compare every function with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.arrays import Float64Array
from ml.statistics.ranges import Count, Share

Metric = Callable[[Float64Array, Float64Array], float]


@dataclass(frozen=True)
class Confusion:
    """Counts at one threshold; positive means COVID-19."""

    true_positive: Count
    false_positive: Count
    true_negative: Count
    false_negative: Count


def confusion(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> Confusion:
    """Count outcomes, calling a film positive when its score is at least ``threshold``."""
    truth = np.asarray(labels, dtype=bool)
    called = np.asarray(scores, dtype=float) >= threshold
    return Confusion(
        int(np.sum(called & truth)),
        int(np.sum(called & ~truth)),
        int(np.sum(~called & ~truth)),
        int(np.sum(~called & truth)),
    )


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``; NaN where ``whole`` is 0."""
    return part / whole if whole else float("nan")


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of films that are classified correctly."""
    c = confusion(labels, scores, threshold)
    return ratio(c.true_positive + c.true_negative, np.size(labels))


def precision(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of COVID-19 among the films called COVID-19 (PPV at this sample's prevalence)."""
    c = confusion(labels, scores, threshold)
    return ratio(c.true_positive, c.true_positive + c.false_positive)


def recall(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of the COVID-19 films that are called COVID-19 (sensitivity)."""
    c = confusion(labels, scores, threshold)
    return ratio(c.true_positive, c.true_positive + c.false_negative)


def specificity(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of the other films that are not called COVID-19."""
    c = confusion(labels, scores, threshold)
    return ratio(c.true_negative, c.true_negative + c.false_positive)


def f1(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the harmonic mean of precision and recall."""
    c = confusion(labels, scores, threshold)
    return ratio(2 * c.true_positive, 2 * c.true_positive + c.false_positive + c.false_negative)


def brier(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean squared difference of score and label (Brier 1950).

    0 is best; a constant score of 0.5 gives 0.25.
    """
    return float(np.mean((np.asarray(scores, dtype=float) - np.asarray(labels, dtype=float)) ** 2))


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the probability that a positive film scores above a negative one (Hanley & McNeil 1982).

    Ties count half. NaN when a class is missing.
    """
    truth, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=float)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[inverse][truth].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def roc_points(labels: ArrayLike, scores: ArrayLike) -> list[tuple[float, float, float]]:
    """Return the ROC curve as ``(false positive rate, true positive rate, threshold)``, thresholds descending."""
    thresholds, tp, fp, positives, negatives = _count_by_threshold(labels, scores)
    rates = [
        (ratio(f, negatives), ratio(t, positives), float(cut)) for f, t, cut in zip(fp, tp, thresholds, strict=True)
    ]
    return [(0.0, 0.0, 1.0), *rates]


def pr_points(labels: ArrayLike, scores: ArrayLike) -> list[tuple[float, float, float]]:
    """Return the precision-recall curve as ``(recall, precision, threshold)``, thresholds descending."""
    thresholds, tp, fp, positives, _ = _count_by_threshold(labels, scores)
    return [(ratio(t, positives), ratio(t, t + f), float(cut)) for f, t, cut in zip(fp, tp, thresholds, strict=True)]


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision: precision summed over the steps in recall, without interpolation."""
    total, reached = 0.0, 0.0
    for recall_, precision_, _ in pr_points(labels, scores):
        total += (recall_ - reached) * precision_
        reached = recall_
    return total


def _count_by_threshold(
    labels: ArrayLike, scores: ArrayLike
) -> tuple[Float64Array, Float64Array, Float64Array, int, int]:
    """Return distinct thresholds, descending, with the true and false positives at each."""
    truth, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=float)
    order = np.argsort(-values, kind="stable")
    last_of_value = np.append(np.nonzero(np.diff(values[order]))[0], len(values) - 1)
    tp = np.cumsum(truth[order])[last_of_value].astype(float)
    fp = (last_of_value + 1) - tp
    return values[order][last_of_value], tp, fp, int(truth.sum()), int((~truth).sum())


@dataclass(frozen=True)
class CalibrationBin:
    """Films whose scores are in one bin.

    Attributes:
        low: lower edge of the bin, included.
        high: upper edge, included in the last bin only.
        count: films in the bin.
        mean_score: their mean score.
        observed: the share of COVID-19 among them.
    """

    low: Share
    high: Share
    count: Count
    mean_score: Share
    observed: Share


def calibration_bins(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> list[CalibrationBin]:
    """Return the reliability of scores in bins of equal width; empty bins are left out."""
    truth, values = np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)
    index = np.minimum((values * bins).astype(int), bins - 1)
    return [
        CalibrationBin(
            b / bins,
            (b + 1) / bins,
            int(np.sum(index == b)),
            float(values[index == b].mean()),
            float(truth[index == b].mean()),
        )
        for b in range(bins)
        if np.any(index == b)
    ]


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> float:
    """Return the mean difference of score and observed share over bins, by films (Naeini et al. 2015)."""
    parts = calibration_bins(labels, scores, bins)
    return sum(p.count * abs(p.mean_score - p.observed) for p in parts) / np.size(labels)


def bootstrap_interval(
    metric: Metric,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[str],
    *,
    repeats: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a metric, drawing whole groups (patients), not films.

    Draws in which the metric is undefined (a class is missing) are left out.

    Args:
        metric: function of labels and scores.
        labels: [N].
        scores: [N].
        groups: the patient of each film, [N].
        repeats: bootstrap samples.
        seed: of the draws.
        level: coverage.

    Returns:
        lower and upper bound; NaN twice when the metric is undefined in every draw. Source: Efron 1979; drawing
        by cluster as in Field & Welsh 2007.
    """
    truth, values = np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)
    members = _members(groups)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(repeats):
        picked = rng.integers(0, len(members), len(members))
        films = np.concatenate([members[group] for group in picked])
        draws.append(metric(truth[films], values[films]))
    defined = np.asarray(draws)[~np.isnan(draws)]
    if not defined.size:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def _members(groups: Sequence[str]) -> list[NDArray[np.intp]]:
    names = np.asarray(groups)
    return [np.nonzero(names == name)[0] for name in np.unique(names)]


def operating_points(
    labels: ArrayLike, scores: ArrayLike, sensitivity: float = 0.95, specificity_: float = 0.95
) -> tuple[float, float]:
    """Choose the two operating points. A score between them is uncertain.

    At or above the lower one lie ``sensitivity`` of the positives, below the upper one ``specificity_`` of the
    negatives. Where the classes are so far apart that the two cross, they are swapped; no film of this sample then
    has a score between them.

    Args:
        labels: 0 or 1, [N].
        scores: P(COVID-19), [N].
        sensitivity: share of the positives at or above the lower point.
        specificity_: share of the negatives below the upper point.

    Raises:
        ValueError: when a class is missing.
    """
    truth, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=float)
    if truth.all() or not truth.any():
        raise ValueError("operating points need films of both classes")
    sensitive = float(np.quantile(values[truth], 1 - sensitivity, method="lower"))
    specific = float(np.quantile(values[~truth], specificity_, method="higher"))
    low, high = sorted((sensitive, float(np.nextafter(specific, 1.0))))
    return low, high
