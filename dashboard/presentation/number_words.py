"""Numbers with their units, as the pages write them."""

from __future__ import annotations


def count_films(number: int) -> str:
    """Return "1 film" or "1,204 films"."""
    return "1 film" if number == 1 else f"{number:,} films"


def duration(seconds: float) -> str:
    """Return a time span with two units at most: "8.4 s", "42 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
