"""Results formatted as text."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from xrayscreen.client import Film, Status
from xrayscreen.files import make_printable

HEADS = ("file", "state", "score", "decision", "reason")
MIN_REASON_WIDTH = 24  # characters


def format_films(films: Sequence[Film]) -> str:
    """Return a table with one line a film; the reason is cut to the width of the terminal."""
    rows = [_row(film) for film in films]
    widths = [max(len(row[column]) for row in (HEADS, *rows)) for column in range(4)]
    room = max(MIN_REASON_WIDTH, shutil.get_terminal_size((140, 24)).columns - sum(widths) - 2 * len(widths))
    lines = [
        "  ".join(
            [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)] + [_shorten(row[4], room)]
        ).rstrip()
        for row in (HEADS, tuple("-" * width for width in (*widths, room)), *rows)
    ]
    return "\n".join(lines)


def format_totals(status: Status) -> str:
    """Return the counts, the time, and films per second."""
    progress = status["progress"]
    return (
        f"{progress['total']} files: {_counts(progress['states'])}\n"
        f"{_counts(progress['decisions']) or 'nothing scored'}; {progress['to_review']} flagged for review\n"
        f"{progress['seconds']:.1f} s from submission to the last result, "
        f"{progress['films_per_second']:.1f} films per second"
    )


def format_batch(status: Status) -> str:
    """Return a batch in one line: its state and how many of its files are finished."""
    progress = status["progress"]
    done = f"{progress['finished']} of {progress['total']} files finished ({progress['percent']} %)"
    return f"{status['id']}  {status['state']}, {done}  {make_printable(status['name'])}"


def format_reasons(films: Sequence[Film]) -> list[str]:
    """Return one line for each film that has a reason instead of a result."""
    return [f"{make_printable(film['file'])}: {film['code']}: {make_printable(film['reason'])}" for film in films]


def _counts(groups: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in groups.items() if count)


def _row(film: Film) -> tuple[str, ...]:
    score = "" if film["score"] is None else f"{film['score']:.3f}"
    flagged = f"to review: {', '.join(film['flags'])}" if film["flags"] else ""
    reason = f"{film['code']}: {film['reason']}" if film["code"] else flagged
    name = make_printable(film["file"]) + (" (synthetic)" if film["synthetic"] else "")
    return name, film["state"], score, film["decision"], make_printable(reason)


def _shorten(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
