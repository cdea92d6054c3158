"""Comparison of results with the labels of the films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ml.data.datasets import FilmRecord
from ml.inference.decision import Decision
from xrayscreen import Film


def describe_agreement(films: Sequence[Film], truth: dict[str, FilmRecord]) -> str:
    """Return the agreement of decisions and labels by source and finding, as text; uncertain counts as wrong."""
    right: Counter[tuple[str, str]] = Counter()
    outcome: dict[tuple[str, str], Counter[str]] = {}
    for film in films:
        record = truth.get(film["file"])
        if record is None or not film["decision"]:
            continue
        group = (record.source, record.finding)
        outcome.setdefault(group, Counter())[film["decision"]] += 1
        right[group] += film["decision"] == (Decision.POSITIVE if record.label else Decision.NEGATIVE)
    lines = ["Agreement with the labels (no patient here was trained on):"]
    for group, counts in sorted(outcome.items()):
        source, finding = group
        lines.append(
            f"  {finding:10} {source:28} {right[group]:3} of {counts.total():3} right, "
            f"{counts[Decision.UNCERTAIN]} uncertain"
        )
    lines.append(f"  {'all':39} {right.total():3} of {sum(c.total() for c in outcome.values()):3} right")
    return "\n".join(lines)
