"""From a score to what it means, by a bundle's own operating points."""

from __future__ import annotations

NEGATIVE, UNCERTAIN, POSITIVE = "negative", "uncertain", "positive"


def decide(score: float, low: float, high: float) -> str:
    """Return ``positive`` at or above ``high``, ``negative`` below ``low``, else ``uncertain``.

    Args:
        score: P(COVID-19), 0..1.
        low: the sensitive operating point.
        high: the specific operating point, not below ``low``.
    """
    if score >= high:
        return POSITIVE
    return NEGATIVE if score < low else UNCERTAIN
