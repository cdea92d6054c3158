"""Calibration and operating points of the screener, from films of hospitals that were left out of the training.

``fit_decision_band`` needs the trained folds, see :mod:`ml.training.screener.folds`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.model_card.decision_evidence import DecisionShares, ExpectedDecisions, HospitalDecisions
from ml.statistics.calibration import sigmoid
from ml.statistics.conformal import Band, HospitalScores, choose_band, leave_each_out
from ml.statistics.estimate import Estimate, wilson_interval
from ml.training.screener.calibration_choice import choose_calibration, known_logits
from ml.training.screener.films import Films, Mask
from ml.training.screener.left_out_scores import LeftOutFilms, LeftOutScores, read_left_out_scores

ERROR = 0.1  # stated share of wrong decisions in each class
BOOTSTRAPS = 2000
METHOD = (
    "class-conditional conformal thresholds over hospitals of equal weight (Dunn, Wasserman & Ramdas 2023); the "
    "level is lowered until hospitals left out have the stated error on average"
)
Shares = NDArray[np.float64]  # negative, uncertain, positive


@dataclass(frozen=True)
class DecisionRule:
    """Calibration and operating points; the defaults are those of a network that is not calibrated yet."""

    slope: float = 1.0
    intercept: float = 0.0
    low: float = 0.0
    high: float = 1.0
    fitted_on: str = ""
    chosen_on: str = ""

    @property
    def method(self) -> str:
        """Return the name of the calibration with the films it was fitted on."""
        return f"Platt 1999, fitted on {self.fitted_on}" if self.fitted_on else "Platt 1999"


@dataclass(frozen=True)
class FittedDecision:
    """The decision rule, and what it is expected to do at hospitals not trained on.

    Attributes:
        rule: calibration and operating points.
        expected: for the model card.
        bands: for each hospital the band of logits that was chosen without it.
    """

    rule: DecisionRule
    expected: ExpectedDecisions
    bands: dict[str, Band]


def fit_decision_band(
    films: Films, runs: Path, labels: NDArray[np.float32], logits: Float64Array, error: float = ERROR
) -> FittedDecision:
    """Fit calibration and operating points on hospitals left out, and measure them by leaving each out.

    Args:
        films: every film.
        runs: folder of the trained folds.
        labels: of the validation films, [N].
        logits: of the validation films by the network that is served, [N].
        error: stated share of wrong decisions in each class.

    Raises:
        BundleError: when a fold was not trained.
    """
    left_out = read_left_out_scores(films, runs)
    calibration = choose_calibration(left_out, known_logits(labels, logits))
    slope, intercept = calibration.slope, calibration.intercept
    scores = {cell: item.scores for cell, item in _by_class(left_out).items()}
    negatives, positives = (_of_class(scores, label) for label in (0, 1))
    low, high = _to_scores(choose_band(negatives, positives, error), slope, intercept)
    rule = DecisionRule(slope, intercept, low, high, calibration.fitted_on, _chosen_on(left_out, error))
    bands = leave_each_out(negatives, positives, error)
    expected = replace(_measure(left_out, bands, (slope, intercept), error), calibration=calibration.checks)
    return FittedDecision(rule, expected, bands)


def measure_known(films: Films, part: Mask, scores: Float64Array, rule: DecisionRule) -> HospitalDecisions:
    """Measure the decisions on test patients of the hospitals trained on.

    Args:
        films: every film.
        part: the test films, [N].
        scores: of the shipped model, [N].
        rule: its operating points.
    """
    by_class = [
        LeftOutFilms((np.nonzero(part & (films.labels == label))[0],), (scores[part & (films.labels == label)],),
                     films.groups)
        for label in (0, 1)
    ]  # fmt: skip
    band = Band(rule.low, rule.high)
    return HospitalDecisions(
        name="Test patients of the hospitals trained on",
        low=rule.low,
        high=rule.high,
        without_covid=_hospital_shares(by_class[0], band),
        with_covid=_hospital_shares(by_class[1], band),
    )


def _by_class(left_out: LeftOutScores) -> dict[tuple[int, str], LeftOutFilms]:
    return {(label, name): cell for name, label, cell in left_out.cells()}


def _of_class(scores: dict[tuple[int, str], HospitalScores], label: int) -> dict[str, HospitalScores]:
    return {name: item for (of_label, name), item in scores.items() if of_label == label}


def _to_scores(band: Band, slope: float, intercept: float) -> tuple[float, float]:
    """Return a band of logits on the scale of the score; infinite thresholds become 0 and 1."""
    low, high = (float(sigmoid(slope * min(max(point, -1e3), 1e3) + intercept)) for point in (band.low, band.high))
    return low, high


def _chosen_on(left_out: LeftOutScores, error: float) -> str:
    films = sum(cell.count for _, _, cell in left_out.cells())
    return (
        f"{films:,} films of {len(left_out.hospitals)} hospitals and collections, each scored by networks that were "
        f"not trained on it: on average over these, at most {100 * error:g} % of the films without COVID-19 are "
        f"positive and at most {100 * error:g} % of those with COVID-19 negative"
    )


def _measure(
    left_out: LeftOutScores, bands: dict[str, Band], calibration: tuple[float, float], error: float
) -> ExpectedDecisions:
    """Return the decisions at each hospital left out, by the band that was chosen without it, and their mean."""
    rows = []
    for name in left_out.hospitals:
        low, high = _to_scores(bands[name], *calibration)
        without, with_covid = left_out.without_covid.get(name), left_out.with_covid.get(name)
        rows.append(HospitalDecisions(
            name=name, low=round(low, 4), high=round(high, 4),
            without_covid=_hospital_shares(without, bands[name]) if without else None,
            with_covid=_hospital_shares(with_covid, bands[name]) if with_covid else None,
        ))  # fmt: skip
    return ExpectedDecisions(
        stated_error=error,
        method=METHOD,
        without_covid=_mean_shares(left_out.without_covid, bands),
        with_covid=_mean_shares(left_out.with_covid, bands),
        hospitals=tuple(rows),
    )


def _shares(cell: LeftOutFilms, band: Band) -> Shares:
    """Return the shares of negative, uncertain and positive decisions, averaged over the networks: [3]."""
    positive = cell.scores.share_from(band.high)
    negative = 1 - cell.scores.share_from(band.low)
    return np.array([negative, 1 - negative - positive, positive])


def _hospital_shares(cell: LeftOutFilms, band: Band) -> DecisionShares:
    """Return the shares of decisions at one hospital with Wilson's interval over its patients."""
    patients = cell.scores.patients
    estimates = [
        _estimate(share, *wilson_interval(share * patients, patients), "Wilson, by patient")
        for share in _shares(cell, band)
    ]
    return DecisionShares(cell.count, patients, *estimates)


def _mean_shares(cells: dict[str, LeftOutFilms], bands: dict[str, Band]) -> DecisionShares:
    """Return the mean shares over hospitals; the bootstrap draws hospitals, and patients within each."""
    rng = np.random.default_rng(0)
    drawn = np.stack([_bootstrap_shares(cell, bands[name], rng) for name, cell in cells.items()])
    chosen = rng.integers(0, len(cells), (BOOTSTRAPS, len(cells)))
    means = drawn[chosen, np.arange(BOOTSTRAPS)[:, None]].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    value = np.mean([_shares(cell, bands[name]) for name, cell in cells.items()], axis=0)
    method = "bootstrap of hospitals, and of patients within"
    estimates = [_estimate(*bounds, method) for bounds in zip(value, low, high, strict=True)]
    films, patients = sum(cell.count for cell in cells.values()), sum(cell.scores.patients for cell in cells.values())
    return DecisionShares(films, patients, *estimates)


def _bootstrap_shares(cell: LeftOutFilms, band: Band, rng: np.random.Generator) -> Shares:
    """Return the shares of decisions for samples of a hospital's patients: [BOOTSTRAPS, 3]."""
    groups = np.unique(cell.groups[np.concatenate(cell.films)])
    weights = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), BOOTSTRAPS)
    shares = []
    for films, logits in zip(cell.films, cell.logits, strict=True):
        member = np.searchsorted(groups, cell.groups[films])
        decided = [logits < band.low, (logits >= band.low) & (logits < band.high), logits >= band.high]
        sums = np.stack([np.bincount(member, item, len(groups)) for item in decided], axis=1)
        total = weights @ np.bincount(member, minlength=len(groups))
        shares.append((weights @ sums) / np.maximum(total, 1)[:, None])
    return np.asarray(np.mean(shares, axis=0))


def _estimate(value: float, low: float, high: float, method: str) -> Estimate:
    value, low, high = (round(float(np.clip(number, 0, 1)), 4) for number in (value, low, high))
    return Estimate(value, low, high, method=method)
