"""Progress of a batch, from the counts in the database: the same cost for 1,000 films and for 100,000."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from screening.batches import counts
from screening.models import Batch, Film

State, Decision = Film.State, Film.Decision

HISTOGRAM_BINS = 20  # the triggers count by the same bins, see migration 0007


@dataclass(frozen=True)
class Progress:
    """A batch's progress, derived from its films whenever it is read.

    Attributes:
        total: files that were sent.
        states: files by state; has every state.
        decisions: screened films by decision; has every decision.
        to_review: flagged films without a verdict.
        state: ``open``, ``running``, ``done`` or ``cancelled``.
        seconds: from submission to the last result, or to now while running; 0 before submission.
    """

    total: int
    states: dict[str, int]
    decisions: dict[str, int]
    to_review: int
    state: str
    seconds: float

    @property
    def finished(self) -> int:
        """The number of files in a final state."""
        return sum(self.states[state] for state in Film.FINAL_STATES)

    @property
    def refused(self) -> int:
        """The number of files that ended without a result, with a reason."""
        return sum(self.states[state] for state in Film.REFUSED_STATES)

    @property
    def is_final(self) -> bool:
        """True if the batch is finished or cancelled."""
        return self.state in ("done", "cancelled")

    @property
    def percent(self) -> int:
        """The share of the files in a final state, 0..100, rounded down."""
        return self.finished * 100 // self.total if self.total else 0

    @property
    def films_per_second(self) -> float:
        """Screened films divided by the seconds since submission; 0 before the first."""
        screened = self.states[State.DONE] + self.states[State.FAILED]
        return screened / self.seconds if self.seconds > 0 else 0.0


def progress_of(batch: Batch) -> Progress:
    """Return a batch's progress, by one query."""
    states = dict.fromkeys(State.values, 0)
    decisions = dict.fromkeys(Decision.values, 0)
    to_review, last = 0, None
    for group in counts.film_groups(batch.pk):
        states[group.state] += group.films
        if group.decision:
            decisions[group.decision] += group.films
        if group.review_state == Film.ReviewState.PENDING:
            to_review += group.films
        last = max(filter(None, (last, group.last)), default=None)
    finished = sum(states[name] for name in Film.FINAL_STATES)
    total = sum(states.values())
    state = state_of(batch, waiting=total - finished, cancelled=states[State.CANCELLED])
    return Progress(total, states, decisions, to_review, state, _seconds(batch, state, last))


def histogram_of(batch: Batch) -> list[int]:
    """Return the numbers of screened films by score, in ``HISTOGRAM_BINS`` equal bins over 0..1."""
    by_bin = counts.count_by_bin(batch.pk)
    return [by_bin.get(index, 0) for index in range(HISTOGRAM_BINS)]


def state_of(batch: Batch, *, waiting: int, cancelled: int) -> str:
    """Return a batch's state: ``open``, ``running``, ``done`` or ``cancelled``. No other code derives it.

    A submitted batch counts as cancelled only if that stopped a film. If workers had claimed all remaining films when
    it was cancelled, all films were screened, and the batch is done.

    Args:
        batch: the batch.
        waiting: the number of films that are not in a final state.
        cancelled: the number of cancelled films.
    """
    if not batch.submitted_at:
        return "cancelled" if batch.cancelled_at else "open"
    if waiting:
        return "running"
    return "cancelled" if batch.cancelled_at and cancelled else "done"


def _seconds(batch: Batch, state: str, last: datetime | None) -> float:
    if not batch.submitted_at:
        return 0.0
    end = timezone.now() if state == "running" or last is None else last
    return max(0.0, (end - batch.submitted_at).total_seconds())
