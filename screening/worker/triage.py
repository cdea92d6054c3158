"""Pure: from a film's result to whether people have to look at it, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ml.inference.decision import Decision
from ml.model_card.evidence import AtOperatingPoints
from ml.statistics.calibration import predictive_values

FLAG_POSITIVE, FLAG_UNCERTAIN = Decision.POSITIVE.value, Decision.UNCERTAIN.value
FLAG_FAILED, FLAG_SAMPLED = "failed", "sampled"

FLAG_WORDS = {
    FLAG_POSITIVE: "the score lies at or above the upper operating point",
    FLAG_UNCERTAIN: "the score lies between the two operating points",
    FLAG_FAILED: "the film could not be screened",
    FLAG_SAMPLED: "drawn at random from the films not flagged otherwise",
}


def flags_of(decision: str, sha256: str, sample: float) -> list[str]:
    """Why a screened film goes to review; empty when it does not.

    Args:
        decision: ``positive``, ``uncertain`` or ``negative``.
        sha256: hex digest of the film. The audit sample is drawn by it, so that a re-run draws the same films
            and nobody who reads the queue can tell beforehand which.
        sample: share of the negative films to draw, 0..1.
    """
    if decision in (FLAG_POSITIVE, FLAG_UNCERTAIN):
        return [decision]
    return [FLAG_SAMPLED] if int(sha256[:8], 16) < sample * 2**32 else []


@dataclass(frozen=True)
class PredictiveValues:
    """What a decision is worth at a prevalence, in shares; ``None`` where no such decision would be made.

    Attributes:
        ppv: of those called positive, how many have COVID-19.
        npv: of those called negative, how many do not.
    """

    ppv: float | None
    npv: float | None


def predictive_values_at(measured: AtOperatingPoints, prevalence: float) -> PredictiveValues:
    """PPV and NPV of a model's decisions.

    Args:
        measured: sensitivity and specificity at both operating points, from the model card.
        prevalence: share of the screened who have COVID-19, 0..1.
    """
    ppv, _ = predictive_values(measured.high.sensitivity, measured.high.specificity, prevalence)
    _, npv = predictive_values(measured.low.sensitivity, measured.low.specificity, prevalence)
    return PredictiveValues(*(None if value != value else value for value in (ppv, npv)))  # NaN is unequal to itself
