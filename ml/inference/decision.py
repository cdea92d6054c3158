"""A film's decision: what its score means by the operating points of the model that gave it."""

from __future__ import annotations

from enum import StrEnum


class Decision(StrEnum):
    """The three decisions. The values are stored in databases and files."""

    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    POSITIVE = "positive"


def decide(score: float, low: float, high: float) -> Decision:
    """Return ``POSITIVE`` at or above ``high``, ``NEGATIVE`` below ``low``, else ``UNCERTAIN``.

    Args:
        score: P(COVID-19), 0..1.
        low: the lower (sensitive) operating point.
        high: the upper (specific) operating point, not below ``low``.
    """
    if score >= high:
        return Decision.POSITIVE
    return Decision.NEGATIVE if score < low else Decision.UNCERTAIN
