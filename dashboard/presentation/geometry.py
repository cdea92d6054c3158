"""Geometry of the drawings inside a page, in per cent, so that they fit any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.model_card.card import ModelCard

MIDDLE = 0.5  # of the score axis
GAP = 0.4  # per cent, on each side of a bar
MIN_BAR_HEIGHT = 2.0  # per cent; one film among thousands stays visible


@dataclass(frozen=True)
class Points:
    """A model's operating points on the score axis 0..1."""

    low: float
    high: float

    @property
    def between(self) -> str:
        """Return the width of the zone between the two points, in per cent."""
        return _percent(max(0.0, self.high - self.low))

    @property
    def above(self) -> str:
        """Return the width of the zone above the upper point, in per cent."""
        return _percent(1 - self.high)

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Return name and x of each point."""
        return [("low", self.x_low), ("high", self.x_high)]

    @property
    def x_low(self) -> str:
        """Return x of the lower point, in per cent."""
        return _percent(self.low)

    @property
    def x_high(self) -> str:
        """Return x of the upper point, in per cent."""
        return _percent(self.high)


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram: position and size in per cent, number of films, and the limits of its scores."""

    x: str
    y: str
    width: str
    height: str
    films: int
    start: str
    end: str


@dataclass(frozen=True)
class Histogram:
    """Films by score."""

    bars: list[Bar]
    points: Points
    films: int


@dataclass(frozen=True)
class Scale:
    """A score on 0..1 beside the operating points."""

    points: Points
    at: str


def points_of(card: ModelCard | None) -> Points:
    """Return the operating points of a model card; the middle without a card."""
    if card is None:
        return Points(MIDDLE, MIDDLE)
    return Points(card.operating_points.low, card.operating_points.high)


def histogram(counts: Sequence[int], points: Points) -> Histogram:
    """Return the bars of a histogram.

    Args:
        counts: films by score, in bins of equal width over 0..1.
        points: the operating points that are drawn over it.
    """
    tallest, step = max(counts, default=0), 1 / max(1, len(counts))
    return Histogram([_bar(index, films, tallest, step) for index, films in enumerate(counts)], points, sum(counts))


def scale(score: float | None, points: Points) -> Scale:
    """Return the position of a score; without a score, the position is empty."""
    return Scale(points, "" if score is None else _percent(score))


def _bar(index: int, films: int, tallest: int, step: float) -> Bar:
    height = max(MIN_BAR_HEIGHT, 100 * films / tallest) if films else 0.0
    return Bar(
        x=f"{100 * index * step + GAP:.2f}%",
        y=f"{100 - height:.2f}%",
        width=f"{100 * step - 2 * GAP:.2f}%",
        height=f"{height:.2f}%",
        films=films,
        start=f"{index * step:.2f}",
        end=f"{(index + 1) * step:.2f}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
