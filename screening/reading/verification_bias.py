"""Estimates of a model's performance from the verdicts on a batch, corrected for verification bias.

All positive and uncertain films are flagged, all negative ones with a flagging note, and a random sample of the
other negative ones. If all flagged films were read, only the share of diseased films among the other negatives is an
estimate; sensitivity and specificity follow from it (Begg & Greenes 1983, doi:10.2307/2530820). The readers' findings
are taken as the truth, though readers can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ml.inference.decision import Decision
from ml.statistics.estimate import Estimate, wilson_estimate, wilson_interval
from screening.batches.counts import FilmGroup
from screening.reading.rules import CONFIRMED, DISPUTED, OVERTURNED, PENDING

MIN_READ_FILMS = 20  # films of a decision; with fewer there is no estimate
BEGG_GREENES = "Wilson, corrected for verification bias"
FLAGGED_DECISIONS = (Decision.POSITIVE, Decision.UNCERTAIN)
DECISIONS = (*FLAGGED_DECISIONS, Decision.NEGATIVE)


@dataclass(frozen=True)
class ReadCounts:
    """The films of one decision and how many of them were read.

    Attributes:
        decision: the model's.
        films: all films.
        read: films with a finding.
        with_signs: films with the finding "COVID-19 signs".
        waiting: flagged films without a verdict, or with different verdicts.
        noted: they are negative films that were flagged because of a note on their picture.
    """

    decision: str
    films: int
    read: int
    with_signs: int
    waiting: int
    noted: bool = False

    @property
    def share(self) -> Estimate | None:
        """The share of ``read`` with signs; ``None`` if fewer than ``MIN_READ_FILMS`` were read."""
        if self.read < MIN_READ_FILMS:
            return None
        return wilson_estimate(self.with_signs, self.read)


@dataclass(frozen=True)
class VerifiedFigures:
    """Counts for each decision; sensitivity and specificity of flagging, ``None`` if they cannot be estimated."""

    rows: list[ReadCounts]
    sensitivity: Estimate | None
    specificity: Estimate | None


def estimate_from_verdicts(groups: Iterable[FilmGroup], noted: Iterable[FilmGroup] = ()) -> VerifiedFigures | None:
    """Estimate performance from verdicts; return ``None`` if too few films of every decision were read.

    Args:
        groups: a batch's films, from :func:`screening.batches.counts.film_groups`.
        noted: those of them that are negative and flagged because of a note, from
            :func:`screening.reading.queries.noted_negatives`. They are no random sample of the negative films.
    """
    all_groups, noted_groups = list(groups), list(noted)
    rows = [
        _count_read(decision, [group for group in all_groups if group.decision == decision]) for decision in DECISIONS
    ]
    doubtful = replace(_count_read(Decision.NEGATIVE, noted_groups), noted=True)
    rows[-1] = _without(rows[-1], doubtful)
    if not any(row.share for row in rows):
        return None
    figures = _sensitivity_and_specificity(rows, doubtful)
    return VerifiedFigures([*rows, doubtful] if doubtful.films else rows, *figures)


def _without(row: ReadCounts, part: ReadCounts) -> ReadCounts:
    return replace(
        row,
        films=row.films - part.films,
        read=row.read - part.read,
        with_signs=row.with_signs - part.with_signs,
        waiting=row.waiting - part.waiting,
    )


def _count_read(decision: str, groups: list[FilmGroup]) -> ReadCounts:
    by_review = dict.fromkeys((CONFIRMED, OVERTURNED, PENDING, DISPUTED), 0)
    for group in groups:
        by_review[group.review_state] = by_review.get(group.review_state, 0) + group.films
    confirmed, overturned = by_review[CONFIRMED], by_review[OVERTURNED]
    return ReadCounts(
        decision,
        films=sum(group.films for group in groups),
        read=confirmed + overturned,
        with_signs=overturned if decision == Decision.NEGATIVE else confirmed,
        waiting=by_review[PENDING] + by_review[DISPUTED],
    )


def _sensitivity_and_specificity(
    rows: list[ReadCounts], doubtful: ReadCounts
) -> tuple[Estimate | None, Estimate | None]:
    """Estimate sensitivity and specificity of calling a film positive or uncertain.

    Args:
        rows: positive, uncertain, and negative without a note.
        doubtful: negative with a note; all of them are flagged.
    """
    *flagged, negative = rows
    if negative.share is None or any(row.waiting for row in (*flagged, doubtful)):
        return None, None
    missed = negative.with_signs / negative.read
    low, high = wilson_interval(negative.with_signs, negative.read)
    diseased = sum(row.with_signs for row in flagged)
    without_signs = sum(row.read for row in flagged) - diseased

    def sensitivity(share: float) -> float:
        return diseased / (diseased + negative.films * share + doubtful.with_signs)

    def specificity(share: float) -> float:
        healthy = negative.films * (1 - share) + doubtful.read - doubtful.with_signs
        return healthy / (healthy + without_signs)

    # Both fall with the share of diseased negatives, so its bounds give their bounds.
    found = Estimate(specificity(missed), specificity(high), specificity(low), method=BEGG_GREENES)
    if not diseased:
        return None, found
    return Estimate(sensitivity(missed), sensitivity(high), sensitivity(low), method=BEGG_GREENES), found
