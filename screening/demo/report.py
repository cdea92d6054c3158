"""How results compare with what is known of the films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ml.data.datasets import FilmRecord
from xrayscreen import Film


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
