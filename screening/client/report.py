"""Results on a terminal."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence

from ml.datasets import FilmRecord
from screening.client.rest import Film, Status

HEADS = ("file", "state", "score", "decision", "reason")
NARROWEST_REASON = 24  # characters


def film_table(films: Sequence[Film]) -> str:
    """One line a film, the reason cut to the width of the terminal."""
    rows = [_row(film) for film in films]
    widths = [max(len(row[column]) for row in (HEADS, *rows)) for column in range(4)]
    room = max(NARROWEST_REASON, shutil.get_terminal_size((140, 24)).columns - sum(widths) - 2 * len(widths))
    lines = [
        "  ".join(
            [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)] + [_cut(row[4], room)]
        ).rstrip()
        for row in (HEADS, tuple("-" * width for width in (*widths, room)), *rows)
    ]
    return "\n".join(lines)


def totals(status: Status) -> str:
    """Counts that add up, the time, and films per second."""
    progress = status["progress"]
    states = ", ".join(f"{count} {state}" for state, count in progress["states"].items() if count)
    decisions = ", ".join(f"{count} {name}" for name, count in progress["decisions"].items() if count)
    return (
        f"{progress['total']} files: {states}\n"
        f"{decisions or 'nothing scored'}; {progress['to_review']} flagged for review\n"
        f"{progress['seconds']:.1f} s from submission to the last result, "
        f"{progress['films_per_second']:.1f} films per second"
    )


def agreement(films: Sequence[Film], truth: dict[str, FilmRecord]) -> str:
    """How the decisions agree with the labels, by source and finding; uncertain counts as neither."""
    right: Counter[tuple[str, str]] = Counter()
    outcome: dict[tuple[str, str], Counter[str]] = {}
    for film in films:
        record = truth.get(film["file"])
        if record is None or not film["decision"]:
            continue
        group = (record.source, record.finding)
        outcome.setdefault(group, Counter())[film["decision"]] += 1
        right[group] += film["decision"] == ("positive" if record.label else "negative")
    lines = ["Agreement with the labels (no patient here was trained on):"]
    for group, counts in sorted(outcome.items()):
        source, finding = group
        lines.append(
            f"  {finding:10} {source:28} {right[group]:3} of {counts.total():3} right, "
            f"{counts['uncertain']} uncertain"
        )
    lines.append(f"  {'all':39} {right.total():3} of {sum(c.total() for c in outcome.values()):3} right")
    return "\n".join(lines)


def _row(film: Film) -> tuple[str, ...]:
    score = "" if film["score"] is None else f"{film['score']:.3f}"
    flagged = f"to review: {', '.join(film['flags'])}" if film["flags"] else ""
    reason = f"{film['code']}: {film['reason']}" if film["code"] else flagged
    name = film["file"] + (" (synthetic)" if film["synthetic"] else "")
    return name, film["state"], score, film["decision"], reason


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
