"""``make bench``: everything the README says about speed, measured in one run and printed as one table.

``python -m tests.benchmarks [--json] [--quick] [--only SECTION …] [--films N] [--rounds N] [--real]``
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from tests.benchmarks import comparison, costs, latency, lists, overtaking, scaling, start, throughput
from tests.benchmarks.plan import QUICK, Plan
from tests.benchmarks.report import Row, as_json, table
from tests.benchmarks.system import System, forget, system

FAILED = "section failed"

# Sections that share one running system, and sections that start their own.
SHARED: dict[str, Callable[[System, Plan], list[Row]]] = {
    "throughput": throughput.run,
    "naive": comparison.run,
    "costs": costs.run,
    "latency": latency.run,
    "overtaking": overtaking.run,
}
ALONE: dict[str, Callable[[Plan], list[Row]]] = {
    "workers": scaling.workers,
    "length": scaling.length,
    "start": start.run,
    "lists": lists.run,
}


def measure(plan: Plan, only: list[str]) -> list[Row]:
    """Run the sections asked for, in the table's order."""
    forget()
    rows: list[Row] = []
    shared = [name for name in SHARED if name in only]
    if shared:
        with system() as running:
            for name in shared:
                rows += _timed(name, lambda name=name: SHARED[name](running, plan))  # type: ignore[misc]
    for name in ALONE:
        if name in only:
            rows += _timed(name, lambda name=name: ALONE[name](plan))  # type: ignore[misc]
    return rows


def main() -> int:
    """The command line; returns 1 when a section failed. A goal that is missed is a result, no failure."""
    options = _options()
    plan = QUICK if options.quick else Plan()
    changes = {name: value for name in ("films", "rounds") if (value := getattr(options, name))}
    plan = replace(plan, real=options.real, **changes)
    rows = measure(plan, options.only or [*SHARED, *ALONE])
    print(as_json(rows, {"quick": options.quick, "films": plan.films, "rounds": plan.rounds}) if options.json
          else table(rows))  # fmt: skip
    return int(any(row.name == FAILED for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it runs; they mean nothing")
    parser.add_argument("--only", nargs="+", choices=[*SHARED, *ALONE], metavar="SECTION",
                        help=", ".join([*SHARED, *ALONE]))  # fmt: skip
    parser.add_argument("--films", type=int, help="films of a kind, a round")
    parser.add_argument("--rounds", type=int, help="turns of whatever takes turns")
    parser.add_argument("--real", action="store_true", help="also the films of XRAY_DATA_DIR, as they are")
    return parser.parse_args()


def _timed(name: str, section: Callable[[], list[Row]]) -> list[Row]:
    """A section's rows; one that fails takes an hour's other rows with it otherwise."""
    started = time.perf_counter()
    try:
        rows = section()
    except Exception as error:
        traceback.print_exc()
        rows = [Row(name, FAILED, None, "", note=(str(error) or type(error).__name__).splitlines()[0])]
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
