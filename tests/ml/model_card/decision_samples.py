"""Values of the card's parts on decisions, such as a training writes them."""

from __future__ import annotations

from ml.model_card.decision_evidence import (
    CalibrationCheck,
    DecisionShares,
    ExpectedDecisions,
    FeatureRangeEvidence,
    HospitalDecisions,
    NoteDecisions,
    RangeResult,
)
from ml.statistics.estimate import Estimate


def estimate(value: float) -> Estimate:
    return Estimate(value, round(value / 2, 4), round((1 + value) / 2, 4), method="Wilson, by patient")


def shares(negative: float, uncertain: float, positive: float) -> DecisionShares:
    return DecisionShares(100, 80, estimate(negative), estimate(uncertain), estimate(positive))


EXPECTED = ExpectedDecisions(
    stated_error=0.1,
    method="conformal",
    without_covid=shares(0.35, 0.57, 0.08),
    with_covid=shares(0.09, 0.57, 0.34),
    hospitals=(
        HospitalDecisions(
            name="Radiopaedia",
            low=0.28,
            high=0.72,
            without_covid=shares(0.4, 0.55, 0.05),
            with_covid=shares(0.22, 0.56, 0.22),
        ),
        HospitalDecisions(name="NIH", low=0.3, high=0.7, without_covid=shares(0.27, 0.57, 0.16)),
    ),
    known=HospitalDecisions(
        name="Test patients of the hospitals trained on",
        low=0.29,
        high=0.71,
        without_covid=shares(0.87, 0.12, 0.01),
        with_covid=shares(0.07, 0.48, 0.45),
    ),
    calibration=(
        CalibrationCheck(fitted_on="known films", measured_on="left-out films", brier=0.24, ece=0.16, slope=0.46),
    ),
)
RANGE = FeatureRangeEvidence(
    method="distance to the 10th nearest film",
    noted_validation=0.02,
    known=RangeResult("Test patients", 329, 0.52, estimate(0.03)),
    hospitals=(RangeResult("NIH", 706, 0.79, estimate(0.05)), RangeResult("Eurorad", 111, 0.71, estimate(0.07))),
    with_note=NoteDecisions(807, 0.74, 0.12),
    without_note=NoteDecisions(4959, 0.61, 0.16),
    other=(RangeResult("CT slices", 416, 0.99, estimate(0.9)),),
)
