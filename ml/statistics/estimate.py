"""A measured number with its 95 % confidence interval, and Wilson's interval of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml.statistics.ranges import Count

Z_95 = 1.959964  # standard normal quantile of 0.975
WILSON = "Wilson"


@dataclass(frozen=True)
class Estimate:
    """A measured number with its 95 % confidence interval.

    Attributes:
        value: the number; ``None`` where it is undefined.
        low: lower bound of the interval; ``None`` where there is no interval.
        high: upper bound.
        n: how many films the number rests on; ``None`` where that is not recorded.
        method: how the interval was made (``Wilson``, ``bootstrap`` ...); ``None`` where that is not recorded.
    """

    value: float | None
    low: float | None
    high: float | None
    n: Count | None = None
    method: str | None = None

    @property
    def count(self) -> int | None:
        """Return how many of the ``n`` a share stands for."""
        return None if self.value is None or self.n is None else round(self.value * self.n)


def wilson_interval(successes: float, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson, JASA 1927).

    Unlike a bootstrap it has a width where every trial succeeded.

    Args:
        successes: trials that succeeded; need not be whole.
        trials: all trials.
        z: standard normal quantile of the coverage.

    Returns:
        lower and upper bound, 0..1; NaN twice without trials.
    """
    if not trials:
        return math.nan, math.nan
    share, correction = successes / trials, z * z / trials
    centre = (share + correction / 2) / (1 + correction)
    half = z / (1 + correction) * math.sqrt(share * (1 - share) / trials + correction / trials / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def wilson_estimate(successes: int, trials: int) -> Estimate | None:
    """Return a share with its interval; ``None`` without trials."""
    if not trials:
        return None
    low, high = wilson_interval(successes, trials)
    return Estimate(successes / trials, low, high, n=trials, method=WILSON)
