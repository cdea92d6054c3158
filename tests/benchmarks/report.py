"""The table: a row is a number, what it is beside what it is compared to, and what was to be reached."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEADS = ("what", "value", "unit", "ratio", "to reach", "")


@dataclass(frozen=True)
class Goal:
    """A bound on a row's ratio."""

    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:.3g}"

    def met_by(self, ratio: float) -> bool:
        """Whether this ratio reaches it."""
        return ratio >= self.bound if self.sign == "≥" else ratio <= self.bound


# What is to be reached, all in one place.
END_TO_END = Goal("≥", 0.9)  # of the limit
SINGLE_FILM = Goal("≤", 3)  # times its bare decoding and forward pass, plus polling
NAIVE_DEFAULT = Goal("≥", 7)  # times the naive design, default model
NAIVE_REFERENCE = Goal("≥", 3)  # the same, seed-cnn
TWO_WORKERS = Goal("≥", 1.85)  # times one worker
MANY_FILMS = Goal("≥", 0.95)  # of the rate with a tenth of the films
MEMORY = Goal("≤", 1.05)  # times the memory after the first films
OVERTAKING = Goal("≤", 2)  # times the time of one chunk
LONG_LIST = Goal("≤", 1.5)  # times the same page with a hundredth of the films
START = Goal("≤", 1 / 3)  # of the time TensorFlow takes to be imported


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    section: str
    name: str
    value: float | None
    unit: str
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is none, or nothing to compare with it."""
        return None if self.goal is None or self.ratio is None else self.goal.met_by(self.ratio)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "goal": str(self.goal) if self.goal else None, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        """For people."""
        verdict = {None: "", True: "reached", False: "MISSED"}[self.met]
        return (
            self.name,
            _short(self.value),
            self.unit,
            "" if self.ratio is None else f"{self.ratio:.3f}",
            str(self.goal) if self.goal else "",
            "; ".join(filter(None, (verdict, self.note))),
        )


def table(rows: Sequence[Row]) -> str:
    """All rows under each other, a heading where a section begins."""
    cells = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines, section = [_line(HEADS, widths)], ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"[{section}]"]
        lines.append(_line(row.cells(), widths))
    return "\n".join(lines)


def as_json(rows: Sequence[Row], settings: dict[str, Any]) -> str:
    """The same for programs, with what it was measured on."""
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    body = {**machine, **settings, "rows": [row.as_dict() for row in rows]}
    return json.dumps(body, indent=1, ensure_ascii=False)


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = {1, 3}
    padded = [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
