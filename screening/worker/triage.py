"""Triage: which results go to review, and why. No database access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.errors import NoteCode
from ml.inference.decision import Decision
from ml.model_card.evidence import AtOperatingPoints
from ml.note_codes import FLAGGING
from ml.statistics.calibration import predictive_values

FLAG_POSITIVE, FLAG_UNCERTAIN = Decision.POSITIVE.value, Decision.UNCERTAIN.value
FLAG_FAILED, FLAG_SAMPLED, FLAG_NOTE = "failed", "sampled", "note"

FLAG_WORDS = {
    FLAG_POSITIVE: "the score is at or above the upper operating point",
    FLAG_UNCERTAIN: "the score is between the two operating points",
    FLAG_FAILED: "the film could not be screened",
    FLAG_NOTE: "a note on the film says that its score may not hold",
    FLAG_SAMPLED: "selected at random from the films without another flag",
}


def flags_of(decision: str, sha256: str, sample: float, notes: Sequence[NoteCode] = ()) -> list[str]:
    """Return the reasons why a screened film goes to review; empty if it does not.

    Args:
        decision: ``positive``, ``uncertain`` or ``negative``.
        sha256: hex digest of the film. It decides about the audit sample, so that a re-run draws the same films and
            readers cannot predict which.
        sample: share of the negative films without a flagging note to draw, 0..1.
        notes: on the film; those of :data:`ml.note_codes.FLAGGING` send it to review.
    """
    flags = [decision] if decision in (FLAG_POSITIVE, FLAG_UNCERTAIN) else []
    if any(note.code in FLAGGING for note in notes):
        flags.append(FLAG_NOTE)
    drawn = int(sha256[:8], 16) < sample * 2**32
    return flags or ([FLAG_SAMPLED] if drawn else [])


@dataclass(frozen=True)
class PredictiveValues:
    """Predictive values of a model's decisions at a prevalence; ``None`` where no such decision would be made.

    Attributes:
        ppv: share of the films called positive that are COVID-19, 0..1.
        npv: share of the films called negative that are not COVID-19, 0..1.
    """

    ppv: float | None
    npv: float | None


def predictive_values_at(measured: AtOperatingPoints, prevalence: float) -> PredictiveValues:
    """Return PPV and NPV of a model's decisions.

    Args:
        measured: sensitivity and specificity at both operating points, from the model card.
        prevalence: share of the screened patients who have COVID-19, 0..1.
    """
    ppv, _ = predictive_values(measured.high.sensitivity, measured.high.specificity, prevalence)
    _, npv = predictive_values(measured.low.sensitivity, measured.low.specificity, prevalence)
    return PredictiveValues(*(None if value != value else value for value in (ppv, npv)))  # NaN is unequal to itself
