"""The sentences of the pages that depend on numbers."""

from __future__ import annotations

from dataclasses import dataclass

from screening.batches.progress import HISTOGRAM_BINS, Progress
from screening.models import Film

BATCH_WORDS = {
    "open": "Not submitted",
    "running": "Screening",
    "done": "Finished",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True)
class Chip:
    """A count that filters the films when chosen."""

    value: str
    label: str
    films: int


def state_chips(progress: Progress) -> list[Chip]:
    """Films by state, in the order a film goes through them."""
    order = ("queued", "running", "done", "failed", "rejected", "cancelled", "unpacked")
    return [Chip(state, Film.State(state).label, progress.states[state]) for state in order]


def decision_chips(progress: Progress) -> list[Chip]:
    """Screened films by decision, the one to look at first in front."""
    order = (Film.Decision.POSITIVE, Film.Decision.UNCERTAIN, Film.Decision.NEGATIVE)
    return [Chip(decision.value, decision.label, progress.decisions[decision]) for decision in order]


def headline(progress: Progress) -> str:
    """What the sender of a batch came to read."""
    refused = progress.refused
    screened = progress.states["done"]
    if progress.state == "open":
        waiting = progress.states["queued"]
        ready = f"{films(waiting)} ready to screen" if waiting else "No films to screen yet"
        return f"{ready}, {refused:,} rejected" if refused else ready
    if progress.state == "running":
        return f"Screening: {progress.finished:,} of {films(progress.total)} settled"
    words = [f"{films(screened)} screened"]
    if progress.states["unpacked"]:
        words.append(f"{progress.states['unpacked']:,} unpacked")
    if refused:
        words.append(f"{refused:,} rejected or failed")
    if progress.states["cancelled"]:
        words.append(f"{progress.states['cancelled']:,} cancelled")
    words.append(f"{progress.to_review:,} to review" if progress.to_review else "none to review")
    return ", ".join(words)


NOTES = {"inverted": "Black and white were exchanged in this file; it was turned back before it was scored."}


def pace(progress: Progress) -> str:
    """Films a second and how long it took, or is still going to take."""
    if not progress.seconds or (progress.state == "running" and not progress.films_per_second):
        return ""
    rate = f"{progress.films_per_second:.1f} films/s"
    if progress.state != "running":
        return f"{rate} over {duration(progress.seconds)}"
    left = (progress.total - progress.finished) / progress.films_per_second
    return f"{rate}, about {duration(max(1.0, left))} left"


def bar_words(number: str) -> str:
    """Which scores a bar of the histogram stands for; nothing where none is chosen."""
    if not number:
        return ""
    low, high = int(number) / HISTOGRAM_BINS, (int(number) + 1) / HISTOGRAM_BINS
    return f"Score {low:.2f} to {high:.2f}"


def film_headline(film: Film) -> str:
    """What the score means, or why there is none, in one sentence."""
    sentences = {
        Film.Decision.NEGATIVE: "The score lies below the lower operating point: the model says not COVID-19.",
        Film.Decision.UNCERTAIN: "The score lies between the operating points: the model cannot tell.",
        Film.Decision.POSITIVE: "The score lies at or above the upper operating point: the model says COVID-19.",
    }
    if film.state == Film.State.DONE and film.decision in sentences:
        return sentences[Film.Decision(film.decision)]
    waiting = {
        Film.State.QUEUED: "The film waits for a worker.",
        Film.State.RUNNING: "A worker is screening the film now.",
    }
    return waiting.get(Film.State(film.state), film.reason or "The film has no result.")


def films(number: int) -> str:
    """A number of films, in the right form."""
    return "1 film" if number == 1 else f"{number:,} films"


def duration(seconds: float) -> str:
    """A time span, as exact as anybody wants it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
