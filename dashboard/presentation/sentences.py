"""Sentences of the pages that depend on a batch's numbers or on a film's result."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.presentation.number_words import count_films, duration
from screening.batches.progress import HISTOGRAM_BINS, Progress
from screening.models import Film

BATCH_STATE_LABELS = {
    "open": "Not submitted",
    "running": "Screening",
    "done": "Finished",
    "cancelled": "Cancelled",
}
DECISION_SENTENCES = {
    Film.Decision.NEGATIVE: "The score is below the lower operating point: the model's decision is not COVID-19.",
    Film.Decision.UNCERTAIN: "The score is between the operating points: the model makes no decision.",
    Film.Decision.POSITIVE: "The score is at or above the upper operating point: the model's decision is COVID-19.",
}


@dataclass(frozen=True)
class Chip:
    """A number of films that links to the list of these films."""

    value: str
    label: str
    films: int


def state_chips(progress: Progress) -> list[Chip]:
    """Return the films by state, in the order in which a film passes through the states."""
    order = ("queued", "running", "done", "failed", "rejected", "cancelled", "unpacked")
    return [Chip(state, Film.State(state).label, progress.states[state]) for state in order]


def decision_chips(progress: Progress) -> list[Chip]:
    """Return the screened films by decision, the most urgent decision first."""
    order = (Film.Decision.POSITIVE, Film.Decision.UNCERTAIN, Film.Decision.NEGATIVE)
    return [Chip(decision.value, decision.label, progress.decisions[decision]) for decision in order]


def batch_headline(progress: Progress) -> str:
    """Return one sentence on the batch's progress or result, without a full stop."""
    refused = progress.refused
    if progress.state == "open":
        waiting = progress.states["queued"]
        ready = f"{count_films(waiting)} ready to screen" if waiting else "No films to screen yet"
        return f"{ready}, {refused:,} rejected" if refused else ready
    if progress.state == "running":
        return f"Screening: {progress.finished:,} of {count_films(progress.total)} finished"
    parts = [f"{count_films(progress.states['done'])} screened"]
    if progress.states["unpacked"]:
        parts.append(f"{progress.states['unpacked']:,} unpacked")
    if refused:
        parts.append(f"{refused:,} rejected or failed")
    if progress.states["cancelled"]:
        parts.append(f"{progress.states['cancelled']:,} cancelled")
    parts.append(f"{progress.to_review:,} to review" if progress.to_review else "none to review")
    return ", ".join(parts)


def pace(progress: Progress) -> str:
    """Return films per second with the time taken or the time left; empty before the first result."""
    if not progress.seconds or (progress.state == "running" and not progress.films_per_second):
        return ""
    rate = f"{progress.films_per_second:.1f} films/s"
    if progress.state != "running":
        return f"{rate} over {duration(progress.seconds)}"
    left = (progress.total - progress.finished) / progress.films_per_second
    return f"{rate}, about {duration(max(1.0, left))} left"


def bar_label(number: str) -> str:
    """Return the range of scores of a histogram bar; empty without a number."""
    if not number:
        return ""
    low, high = int(number) / HISTOGRAM_BINS, (int(number) + 1) / HISTOGRAM_BINS
    return f"Score {low:.2f} to {high:.2f}"


def film_headline(film: Film) -> str:
    """Return one sentence on the meaning of the score, or on why there is none."""
    if film.state == Film.State.DONE and film.decision in DECISION_SENTENCES:
        return DECISION_SENTENCES[Film.Decision(film.decision)]
    waiting = {
        Film.State.QUEUED: "The film is waiting for a worker.",
        Film.State.RUNNING: "A worker is screening the film.",
    }
    return waiting.get(Film.State(film.state), film.reason or "The film has no result.")
