"""Calibration of scores, its slope and intercept, and predictive values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ml.arrays import Float64Array

NEWTON_STEPS = 50
RIDGE = 1e-3  # keeps the fit finite where the classes are separated completely
CLIP = 1e-6  # of a probability, before its logit is taken


def fit_platt(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """Fit slope and intercept of ``P(positive) = sigmoid(slope * logit + intercept)`` by maximum likelihood.

    Labels are smoothed by the class sizes, so that the slope of a separable sample stays finite.
    Source: Platt 1999, with the targets of Lin, Lin & Weng 2007.

    Args:
        labels: 0 or 1, [N].
        logits: [N].
        weights: of the films, [N], only their ratios matter; the same for each where they are not given.

    Raises:
        ValueError: when a class is missing.
    """
    truth, values = np.asarray(labels, dtype=bool), np.asarray(logits, dtype=float)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise ValueError("calibration needs films of both classes")
    targets = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    return _logistic_fit(values, targets, weights)


def slope_and_intercept(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Return calibration slope and intercept of scores; those of calibrated scores are 1 and 0.

    The slope is that of a logistic regression of the labels on the scores' logits, the intercept the one fitted
    with the slope held at 1 (calibration in the large). Source: Cox 1958; Van Calster et al. 2019.

    Args:
        labels: 0 or 1, [N].
        scores: probabilities, [N].

    Returns:
        slope and intercept; NaN twice when a class is missing.
    """
    truth, logits = np.asarray(labels, dtype=float), logit(scores)
    if truth.min() == truth.max():
        return float("nan"), float("nan")
    slope, _ = _logistic_fit(logits, truth)
    intercept = 0.0
    for _ in range(NEWTON_STEPS):
        expected = sigmoid(logits + intercept)
        curvature = float(np.sum(expected * (1 - expected))) + RIDGE
        intercept += float(np.sum(truth - expected)) / curvature
    return slope, intercept


def logit(scores: ArrayLike) -> Float64Array:
    """Return the log odds of probabilities, clipped to be finite at 0 and 1."""
    clipped = np.clip(np.asarray(scores, dtype=float), CLIP, 1 - CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


def sigmoid(values: ArrayLike) -> Float64Array:
    """Return the probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(values, dtype=float))))


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Return PPV and NPV of a test at a prevalence, by Bayes' rule.

    Args:
        sensitivity: 0..1.
        specificity: 0..1.
        prevalence: share of the screened who have the disease, 0..1.

    Returns:
        PPV and NPV; NaN where the test is never positive, or never negative.
    """
    true_positive, false_positive = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    true_negative, false_negative = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    positive, negative = true_positive + false_positive, true_negative + false_negative
    nan = float("nan")
    return (true_positive / positive if positive else nan), (true_negative / negative if negative else nan)


def _logistic_fit(
    values: Float64Array, targets: Float64Array, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Fit one predictor and a constant by Newton's method, halving steps that do not lower the loss."""
    design = np.stack([values, np.ones_like(values)], axis=1)
    share = np.ones_like(values) if weights is None else np.asarray(weights, dtype=float)
    share = share * (len(values) / share.sum())
    found = np.zeros(2)
    loss = _loss(design @ found, targets, share)
    for _ in range(NEWTON_STEPS):
        expected = sigmoid(design @ found)
        gradient = design.T @ (share * (expected - targets))
        curvature = (design.T * (share * expected * (1 - expected))) @ design + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (lower := _loss(design @ (found - step), targets, share)) > loss and np.abs(step).max() > 1e-9:
            step = step / 2
        found, loss = found - step, lower
    return float(found[0]), float(found[1])


def _loss(logits: Float64Array, targets: Float64Array, weights: Float64Array) -> float:
    return float(np.sum(weights * (np.logaddexp(0, logits) - targets * logits)))
