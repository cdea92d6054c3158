"""The one way in which pages write a 95 % interval."""

from __future__ import annotations

from typing import Protocol

WORD_JOINER = "\u2060"  # forbids a line break


class Interval(Protocol):
    """A 95 % interval, 0..1 for a share; both bounds are ``None`` where there is none."""

    @property
    def low(self) -> float | None:
        """Lower bound."""

    @property
    def high(self) -> float | None:
        """Upper bound."""


def format_interval(interval: Interval, digits: int = 2) -> str:
    """Return "0.87–0.93"; empty without an interval."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"


def format_percent_interval(interval: Interval) -> str:
    """Return "87–93.5 %" for an interval of a share; empty without an interval."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{format_percent(interval.low)}–{format_percent(interval.high)} %"


def format_percent(share: float) -> str:
    """Return a share in per cent with one decimal at most, without the sign: "87" or "93.5"."""
    return f"{100 * share:.1f}".removesuffix(".0")


def interval_phrase(text: str) -> str:
    """Return a formatted interval as part of a sentence, kept on one line: "95 % interval 0.87–0.93"."""
    return f"95 % interval {text}".replace("–", f"{WORD_JOINER}–{WORD_JOINER}") if text else "no interval"
