"""Films per second end to end beside the bare loop, in turn: limit, system, limit, system."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.films import KINDS, NO_FILMS, REAL, Film, films
from tests.benchmarks.limit import limit
from tests.benchmarks.plan import DEFAULT, REFERENCE, Plan
from tests.benchmarks.report import END_TO_END, Row
from tests.benchmarks.system import System

SECTION = "limit and end to end"


def run(system: System, plan: Plan) -> list[Row]:
    """Every kind with the default model, the mix with the reference, real films where they are wanted."""
    wanted = [(DEFAULT, kind, films(kind, plan.films)) for kind in KINDS]
    wanted.append((REFERENCE, "mix", films("mix", plan.films)))
    if plan.real:
        wanted.append((DEFAULT, REAL, films(REAL, plan.films)))
    return [row for model, kind, sent in wanted for row in _pair(system, plan, model, kind, sent)]


def _pair(system: System, plan: Plan, model: str, kind: str, sent: Sequence[Film]) -> list[Row]:
    if not sent:
        return [Row(SECTION, f"{kind}, {model}", None, "films/s", note=NO_FILMS)]
    system.warm(model, plan.warm)
    turns = [(limit(sent, model), system.screen(sent, model)) for _ in range(plan.rounds)]
    ratios = [run.rate / bare.rate for bare, run in turns]
    refused = turns[-1][1].refused
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}" if plan.rounds > 1 else ""
    gate = f"{refused} not scored by the gate" if refused else ""
    return [
        Row(SECTION, f"{kind}, {model}: limit", median(bare.rate for bare, _ in turns), "films/s"),
        Row(
            SECTION,
            f"{kind}, {model}: end to end",
            median(run.rate for _, run in turns),
            "films/s",
            median(ratios),
            END_TO_END,
            note="; ".join(filter(None, (f"of the limit, {len(sent)} films", spread, gate))),
        ),
    ]
