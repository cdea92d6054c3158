"""Pure: what readers' verdicts on a batch say of the model, without the error of looking at flagged films only.

Every positive and uncertain film is flagged, and a random sample of the negative ones. Where all of the former were
read, only the share of diseased among the negatives is an estimate; sensitivity and specificity follow from it
(Begg & Greenes 1983, doi:10.2307/2530820). Readers can be wrong; nothing here knows better than they.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml.statistics.metrics import wilson_interval
from screening.batches.counts import FilmGroup
from screening.reading.rules import CONFIRMED, DISPUTED, OVERTURNED, PENDING

READ_AT_LEAST = 20  # films of a decision; fewer say nothing
CALLED = ("positive", "uncertain")
DECISIONS = (*CALLED, "negative")


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Read:
    """Films of one decision.

    Attributes:
        decision: the model's.
        films: how many there are.
        read: of those, how many have a verdict that says whether signs of COVID-19 are there.
        with_signs: of those, how many have them.
        waiting: how many flagged films still wait for a verdict, or readers differ about them.
        share: of ``read`` with signs; ``None`` where fewer than ``READ_AT_LEAST`` were read.
    """

    decision: str
    films: int
    read: int
    with_signs: int
    waiting: int

    @property
    def share(self) -> Rate | None:
        """See above."""
        if self.read < READ_AT_LEAST:
            return None
        return Rate(self.with_signs / self.read, *wilson_interval(self.with_signs, self.read))


@dataclass(frozen=True)
class Verified:
    """What was read of each decision, and of flagging as a whole; that is ``None`` where it cannot be told."""

    rows: list[Read]
    sensitivity: Rate | None
    specificity: Rate | None


def verified(groups: Iterable[FilmGroup]) -> Verified | None:
    """Figures from verdicts; nothing where of no decision enough films were read.

    Args:
        groups: a batch's films, see :func:`screening.batches.counts.of_batch`.
    """
    known = list(groups)
    rows = [_read(decision, [group for group in known if group.decision == decision]) for decision in DECISIONS]
    if not any(row.share for row in rows):
        return None
    return Verified(rows, *_flagging(rows))


def _read(decision: str, groups: list[FilmGroup]) -> Read:
    by_review = dict.fromkeys((CONFIRMED, OVERTURNED, PENDING, DISPUTED), 0)
    for group in groups:
        by_review[group.review_state] = by_review.get(group.review_state, 0) + group.films
    confirmed, overturned = by_review[CONFIRMED], by_review[OVERTURNED]
    return Read(
        decision,
        films=sum(group.films for group in groups),
        read=confirmed + overturned,
        with_signs=overturned if decision == "negative" else confirmed,
        waiting=by_review[PENDING] + by_review[DISPUTED],
    )


def _flagging(rows: list[Read]) -> tuple[Rate | None, Rate | None]:
    """Sensitivity and specificity of calling a film positive or uncertain."""
    *called, negative = rows
    missed = negative.share
    if missed is None or any(row.waiting for row in called):
        return None, None
    ill = sum(row.with_signs for row in called)
    well = sum(row.read for row in called) - ill

    def sensitivity(share: float) -> float:
        return ill / (ill + negative.films * share)

    def specificity(share: float) -> float:
        healthy = negative.films * (1 - share)
        return healthy / (healthy + well)

    # Both fall as more of the negatives are ill, so the bounds of one are the bounds of the other.
    found = Rate(specificity(missed.value), specificity(missed.high), specificity(missed.low))
    if not ill:
        return None, found
    return Rate(sensitivity(missed.value), sensitivity(missed.high), sensitivity(missed.low)), found
