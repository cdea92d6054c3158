"""Pure: from what readers say of a film to what stands of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

CONFIRMED, OVERTURNED, UNREADABLE, SECOND_OPINION = "confirmed", "overturned", "unreadable", "second_opinion"
POSITIVE, NEGATIVE = "positive", "negative"
PENDING, DISPUTED = "pending", "disputed"


class Reading(Protocol):
    """One verdict, as far as it counts."""

    @property
    def reviewer_id(self) -> int:
        """Who gave it."""

    @property
    def verdict(self) -> str:
        """``confirmed``, ``overturned``, ``unreadable`` or ``second_opinion``."""

    @property
    def finding(self) -> str:
        """``positive`` or ``negative``; empty where none was given."""

    @property
    def final(self) -> bool:
        """Whether it settles the film."""


def verdict_of(decision: str, finding: str) -> str:
    """What a finding says of the model's decision.

    A positive or uncertain film is flagged because it may show COVID-19: the finding bears that suspicion out or
    not. Of a negative one it confirms or overturns the decision. So the finding can be told from the two.
    """
    suspected = decision != NEGATIVE
    return CONFIRMED if suspected == (finding == POSITIVE) else OVERTURNED


def finding_of(decision: str, verdict: str) -> str:
    """The other way round; empty where there is no decision, or the verdict says nothing of COVID-19."""
    if not decision or verdict not in (CONFIRMED, OVERTURNED):
        return ""
    return POSITIVE if (decision != NEGATIVE) == (verdict == CONFIRMED) else NEGATIVE


def readings_needed(sha256: str, needed: int, share: float) -> int:
    """How many different readers a film needs: 1 or 2.

    Args:
        sha256: hex digest of the film; the lot is drawn by it, so it always falls the same way. Other digits than
            those that draw the audit sample: the two lots have nothing to do with each other.
        needed: of every film.
        share: of the films that get two all the same, 0..1.
    """
    return 2 if needed >= 2 or int(sha256[8:16], 16) < share * 2**32 else 1


def state_of(readings: Sequence[Reading], needed: int) -> str:
    """Where a flagged film stands.

    Args:
        readings: what was said and not withdrawn, oldest first; gold cases left out.
        needed: readers who have to agree.

    Returns:
        ``pending`` until enough readers have read it; ``disputed`` when they differ or one asked for a second
        opinion; else the verdict. One that settles the film outweighs all others; of several the newest counts, as
        does the newest of each reader.
    """
    settling = [reading for reading in readings if reading.final]
    if settling:
        return settling[-1].verdict
    of_reader = {reading.reviewer_id: reading for reading in readings}
    calls = {reading.finding or reading.verdict for reading in of_reader.values()}
    if SECOND_OPINION in calls or len(calls) > 1:
        return DISPUTED
    return readings[-1].verdict if len(of_reader) >= needed else PENDING
