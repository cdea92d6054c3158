"""Choice of the films that scores are calibrated on: known patients, or films of hospitals left out.

Both are measured on hospitals left out, where each hospital and both classes have the same weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.model_card.decision_evidence import CalibrationCheck
from ml.statistics.calibration import fit_platt, sigmoid
from ml.training.screener.left_out_scores import LeftOutScores

BINS = 10
KNOWN, LEFT_OUT = "validation films of known hospitals", "films of hospitals left out"


@dataclass(frozen=True)
class LabelledLogits:
    """Logits with labels and weights, [N] each; ``hospitals`` names the hospital of each."""

    labels: NDArray[np.int_]
    logits: Float64Array
    weights: Float64Array
    hospitals: NDArray[np.str_]

    def without(self, hospital: str) -> LabelledLogits:
        """Return the films of all other hospitals; both classes have the same weight again."""
        kept = self.hospitals != hospital
        labels, weights = self.labels[kept], self.weights[kept]
        of_class = np.array([weights[labels == label].sum() for label in (0, 1)])
        return LabelledLogits(labels, self.logits[kept], weights / of_class[labels], self.hospitals[kept])


@dataclass(frozen=True)
class ChosenCalibration:
    """The calibration that is better on hospitals left out, and the comparison."""

    slope: float
    intercept: float
    fitted_on: str
    checks: tuple[CalibrationCheck, ...]


def choose_calibration(left_out: LeftOutScores, known: LabelledLogits) -> ChosenCalibration:
    """Choose between a calibration fitted on known patients and one fitted on hospitals left out.

    The lower Brier score at hospitals left out decides; the second calibration is fitted without the hospital it is
    measured on.

    Args:
        left_out: logits of hospitals left out.
        known: the served network's logits of the validation films.
    """
    pooled = balanced_logits(left_out)
    fits = {KNOWN: _fit(known), LEFT_OUT: _fit(pooled)}
    elsewhere = {KNOWN: _apply(fits[KNOWN], pooled.logits), LEFT_OUT: _fit_without_each(pooled)}
    checks = [_check(name, LEFT_OUT, pooled, scores) for name, scores in elsewhere.items()]
    checks += [_check(name, KNOWN, known, _apply(fit, known.logits)) for name, fit in fits.items()]
    best = min(checks[:2], key=lambda check: check.brier).fitted_on
    return ChosenCalibration(*fits[best], best, tuple(checks))


def balanced_logits(left_out: LeftOutScores) -> LabelledLogits:
    """Return all logits of hospitals left out; both classes, and the hospitals of a class, have the same weight."""
    labels, logits, weights, names = [], [], [], []
    classes = (left_out.without_covid, left_out.with_covid)
    for name, label, cell in left_out.cells():
        for values in cell.logits:
            labels.append(np.full(len(values), label))
            logits.append(values)
            weights.append(np.full(len(values), 0.5 / len(classes[label]) / len(cell.logits) / len(values)))
            names.append(np.full(len(values), name))
    return LabelledLogits(
        np.concatenate(labels), np.concatenate(logits), np.concatenate(weights), np.concatenate(names)
    )


def known_logits(labels: NDArray[np.float32], logits: Float64Array) -> LabelledLogits:
    """Return the logits of known patients, each film with the same weight."""
    size = len(labels)
    return LabelledLogits(labels.astype(int), logits, np.full(size, 1 / size), np.full(size, "known"))


def _fit(films: LabelledLogits) -> tuple[float, float]:
    return fit_platt(films.labels, films.logits, films.weights)


def _apply(fit: tuple[float, float], logits: Float64Array) -> Float64Array:
    return sigmoid(fit[0] * logits + fit[1])


def _fit_without_each(pooled: LabelledLogits) -> Float64Array:
    """Return the scores of each hospital's films by a calibration that was fitted on the other hospitals."""
    scores = np.zeros(len(pooled.logits))
    for name in np.unique(pooled.hospitals):
        own = pooled.hospitals == name
        scores[own] = _apply(_fit(pooled.without(str(name))), pooled.logits[own])
    return scores


def _check(fitted_on: str, measured_on: str, films: LabelledLogits, scores: Float64Array) -> CalibrationCheck:
    shares = films.weights / films.weights.sum()
    difference = scores - films.labels
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    slope, _ = fit_platt(films.labels, np.log(clipped / (1 - clipped)), films.weights)
    return CalibrationCheck(
        fitted_on=fitted_on,
        measured_on=measured_on,
        brier=round(float(np.sum(shares * difference**2)), 4),
        ece=round(float(np.abs(np.bincount(bins, shares * difference, BINS)).sum()), 4),
        slope=round(slope, 3),
    )
