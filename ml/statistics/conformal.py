"""Thresholds with a stated error at a new hospital, from the scores of films at several hospitals.

A film of a new hospital is not exchangeable with the films of other hospitals; a hospital is, at best, exchangeable
with other hospitals. So every hospital has the same weight, whatever its number of films (two-layer conformal
prediction with pooled distribution functions: Dunn, Wasserman & Ramdas, "Distribution-Free Prediction Sets for
Two-Layer Hierarchical Models", JASA 2023). Each class has a threshold of its own (class-conditional or Mondrian
conformal prediction: Vovk, "Conditional Validity of Inductive Conformal Predictors", 2012).

Two corrections are made for finite samples. Within a hospital one more wrong patient is counted, as in split
conformal prediction. For the small number of hospitals the level is lowered until hospitals left out have the stated
error on average. The bound of conformal risk control (Angelopoulos et al., ICLR 2024) over hospitals would need no
assumption on their distribution; but with n hospitals it cannot state an error below 1 / (n + 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Float64Array

LEVEL_STEP = 0.01  # by which the level is lowered


@dataclass(frozen=True)
class HospitalScores:
    """Scores of the films of one class at one hospital.

    Attributes:
        networks: the films' scores from each network that was not trained on the hospital, [N] each.
        patients: groups of films of the same patient; the number of independent observations.
    """

    networks: tuple[Float64Array, ...]
    patients: int

    def share_from(self, threshold: float) -> float:
        """Return the share of the films with a score of at least ``threshold``, averaged over the networks."""
        return float(np.mean([np.mean(scores >= threshold) for scores in self.networks]))


Hospitals = Mapping[str, HospitalScores]


@dataclass(frozen=True)
class Band:
    """Two thresholds: below ``low`` a film is negative, from ``high`` on positive, between them uncertain."""

    low: float
    high: float


def choose_band(without: Hospitals, with_disease: Hospitals, error: float) -> Band:
    """Choose the band of uncertain scores such that both kinds of wrong decision have a stated share.

    Averaged over hospitals, at most ``error`` of the films without the disease are called positive, and at most
    ``error`` of the films with it negative. Where a single threshold does both, nothing is uncertain.

    Args:
        without: scores of films without the disease, by hospital.
        with_disease: scores of films with the disease, by hospital.
        error: the stated share, 0..1.

    Returns:
        the band; infinite where too few films or hospitals allow no decision.

    Raises:
        ValueError: when a class has fewer than two hospitals.
    """
    high = upper_threshold(without, error)
    low = -upper_threshold({name: _negated(scores) for name, scores in with_disease.items()}, error)
    if low <= high:
        return Band(low, high)
    middle = (low + high) / 2
    return Band(middle, middle)


def leave_each_out(without: Hospitals, with_disease: Hospitals, error: float) -> dict[str, Band]:
    """Return for each hospital the band that is chosen without its films.

    Raises:
        ValueError: when a class has fewer than three hospitals.
    """
    return {
        name: choose_band(_all_but(without, name), _all_but(with_disease, name), error)
        for name in sorted({*without, *with_disease})
    }


def upper_threshold(hospitals: Hospitals, error: float) -> float:
    """Return the lowest threshold that a share of at most ``error`` of a new hospital's films is expected to reach.

    Args:
        hospitals: scores by hospital; each has the same weight.
        error: the stated share, 0..1.

    Returns:
        the threshold; infinite where no finite one can be stated.

    Raises:
        ValueError: with fewer than two hospitals.
    """
    if len(hospitals) < 2:
        raise ValueError("an error at a new hospital needs scores of at least two hospitals")
    level = choose_level(hospitals, error)
    return pooled_threshold(hospitals, level) if level > 0 else float("inf")


def choose_level(hospitals: Hospitals, error: float) -> float:
    """Return the highest level whose thresholds, chosen without each hospital in turn, have the stated error there.

    Args:
        hospitals: scores by hospital.
        error: the stated mean share over hospitals.

    Returns:
        the level, at most ``error``; 0 where none has the stated error.
    """
    for step in range(round(error / LEVEL_STEP)):
        level = error - step * LEVEL_STEP
        reached = [
            scores.share_from(pooled_threshold(_all_but(hospitals, name), level))
            for name, scores in hospitals.items()
        ]
        if np.mean(reached) <= error:
            return level
    return 0.0


def pooled_threshold(hospitals: Hospitals, level: float) -> float:
    """Return the lowest threshold that a mean share over hospitals of at most ``level`` reaches.

    Of each hospital one more patient than there are is counted as reaching it.

    Returns:
        the threshold; infinite where the patients are too few for the level.
    """
    candidates = np.unique(np.concatenate([scores for item in hospitals.values() for scores in item.networks]))
    shares = np.mean([_corrected_shares_above(item, candidates) for item in hospitals.values()], axis=0)
    allowed = np.nonzero(shares <= level)[0]
    return float(np.nextafter(candidates[allowed[0]], np.inf)) if allowed.size else float("inf")


def _corrected_shares_above(item: HospitalScores, candidates: Float64Array) -> Float64Array:
    shares = [
        1 - np.searchsorted(np.sort(scores), candidates, side="right") / len(scores) for scores in item.networks
    ]
    return np.asarray((item.patients * np.mean(shares, axis=0) + 1) / (item.patients + 1))


def _all_but(hospitals: Hospitals, name: str) -> dict[str, HospitalScores]:
    return {key: scores for key, scores in hospitals.items() if key != name}


def _negated(scores: HospitalScores) -> HospitalScores:
    return HospitalScores(tuple(-values for values in scores.networks), scores.patients)
