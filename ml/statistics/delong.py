"""DeLong's test of the difference of two AUROCs on the same films."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.arrays import Float64Array


@dataclass(frozen=True)
class AurocComparison:
    """DeLong's comparison of two AUROCs on the same films.

    Attributes:
        first: AUROC of the first model.
        second: AUROC of the second.
        z: the difference over its standard error; NaN where that is zero.
        p: two-sided probability of so large a difference by chance.
    """

    first: float
    second: float
    z: float
    p: float


def delong_test(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> AurocComparison:
    """Compare two correlated ROC curves.

    Films are taken as independent, so several films of a patient make the probability a little too small.
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 1988, by the ranks of Sun & Xu 2014.

    Args:
        labels: 0 or 1, [N].
        first: scores of one model, [N].
        second: scores of the other, [N].

    Raises:
        ValueError: when a class has fewer than two films.
    """
    truth = np.asarray(labels, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if min(positives, negatives) < 2:
        raise ValueError("DeLong's test needs two films of each class")
    parts = [_components(truth, np.asarray(scores, dtype=float)) for scores in (first, second)]
    aucs = [float(over_positives.mean()) for over_positives, _ in parts]
    covariance = (
        np.cov([over_positives for over_positives, _ in parts]) / positives
        + np.cov([over_negatives for _, over_negatives in parts]) / negatives
    )
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 0:
        return AurocComparison(aucs[0], aucs[1], float("nan"), 1.0 if aucs[0] == aucs[1] else 0.0)
    z = (aucs[0] - aucs[1]) / math.sqrt(variance)
    return AurocComparison(aucs[0], aucs[1], z, math.erfc(abs(z) / math.sqrt(2)))


def _components(truth: NDArray[np.bool_], scores: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return for each positive the share of negatives below it, for each negative the share of positives above it."""
    positive, negative = scores[truth], scores[~truth]
    together = _mid_ranks(np.concatenate([positive, negative]))
    over_positives = (together[: len(positive)] - _mid_ranks(positive)) / len(negative)
    over_negatives = 1 - (together[len(positive) :] - _mid_ranks(negative)) / len(positive)
    return over_positives, over_negatives


def _mid_ranks(values: Float64Array) -> Float64Array:
    """Return ranks from 1; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])
