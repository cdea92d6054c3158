"""Ranges of numbers, stated as part of a type and checked where JSON is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, both included; ``None`` is no bound.

    Attributes:
        low: the smallest number allowed.
        high: the largest number allowed.
    """

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f" between {self.low:g} and {self.high:g}"
        if self.low is not None:
            return f" of at least {self.low:g}"
        return "" if self.high is None else f" of at most {self.high:g}"


Share = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(0)]
