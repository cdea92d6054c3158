"""Rules that derive a film's review state from its readings. No database access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ml.inference.decision import Decision

CONFIRMED, OVERTURNED, UNREADABLE, SECOND_OPINION = "confirmed", "overturned", "unreadable", "second_opinion"
POSITIVE, NEGATIVE = "positive", "negative"  # findings of readers, not decisions
PENDING, DISPUTED = "pending", "disputed"


class Reading(Protocol):
    """The fields of a verdict that the rules use."""

    @property
    def reviewer_id(self) -> int:
        """The reader's key."""

    @property
    def verdict(self) -> str:
        """``confirmed``, ``overturned``, ``unreadable`` or ``second_opinion``."""

    @property
    def finding(self) -> str:
        """``positive`` or ``negative``; empty where none was given."""

    @property
    def final(self) -> bool:
        """True if it decides the film's state alone."""


def verdict_of(decision: str, finding: str) -> str:
    """Return the verdict on the model's decision that a finding means.

    A positive or uncertain film is flagged because it may show COVID-19; a positive finding confirms that. For a
    negative film, a negative finding confirms the decision. :func:`finding_of` is the inverse.
    """
    suspected = decision != Decision.NEGATIVE
    return CONFIRMED if suspected == (finding == POSITIVE) else OVERTURNED


def finding_of(decision: str, verdict: str) -> str:
    """Return the finding that a verdict means; empty without a decision, or if the verdict names no finding."""
    if not decision or verdict not in (CONFIRMED, OVERTURNED):
        return ""
    return POSITIVE if (decision != Decision.NEGATIVE) == (verdict == CONFIRMED) else NEGATIVE


def readings_needed(sha256: str, needed: int, share: float) -> int:
    """Return how many different readers a film needs: 1 or 2.

    Args:
        sha256: hex digest of the film. Digits 8 to 15 decide, so the result is the same every time. The audit sample
            is drawn by other digits, so the two draws are independent.
        needed: readers of every film.
        share: of the films that get two readers although ``needed`` is 1; 0..1.
    """
    return 2 if needed >= 2 or int(sha256[8:16], 16) < share * 2**32 else 1


def state_of(readings: Sequence[Reading], needed: int) -> str:
    """Return the review state of a flagged film.

    Args:
        readings: the valid readings, oldest first, without those of gold cases.
        needed: readers who have to agree.

    Returns:
        ``pending`` until enough readers have read it; ``disputed`` if their findings differ or one asked for a second
        opinion; else the verdict. The newest final verdict decides alone. Of each reader the newest one counts.
    """
    final_readings = [reading for reading in readings if reading.final]
    if final_readings:
        return final_readings[-1].verdict
    newest_by_reader = {reading.reviewer_id: reading for reading in readings}
    findings = {reading.finding or reading.verdict for reading in newest_by_reader.values()}
    if SECOND_OPINION in findings or len(findings) > 1:
        return DISPUTED
    return readings[-1].verdict if len(newest_by_reader) >= needed else PENDING
