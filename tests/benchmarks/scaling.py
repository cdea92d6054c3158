"""What changes with the worker processes and with the length of a run: the rate, and the memory."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.films import films
from tests.benchmarks.latency import upload_to_result
from tests.benchmarks.plan import DEFAULT, Plan
from tests.benchmarks.processes import worker_memory
from tests.benchmarks.report import MANY_FILMS, MEMORY, TWO_WORKERS, Row
from tests.benchmarks.sender import Status
from tests.benchmarks.system import Run, System, system

WORKERS, LENGTH = "one and two worker processes", "few and many films"
OVERLAP = "WORKER_OVERLAP"
SMOOTH = 0.2  # share of the early films, before and after, over which memory is averaged


def workers(plan: Plan) -> list[Row]:
    """Measure one process and two, each with decoding and network in turn and with both at once.

    By default one process on two cores does both at once, and two processes take turns.
    """
    ways = ((1, {OVERLAP: "0"}), (1, {OVERLAP: "1"}), (2, {OVERLAP: "0"}), (2, {OVERLAP: "1"}))
    turns = [[_fresh(plan, *way) for way in ways] for _ in range(plan.rounds)]
    one, wide, two, both = ([turn[which][0] for turn in turns] for which in range(len(ways)))
    cold = median(turn[2][1] for turn in turns)
    of_one, of_wide, of_both = (median(b / a for a, b in zip(other, two, strict=True)) for other in (one, wide, both))
    return [
        Row(WORKERS, "mix, 1 process, as beside others", median(one), "films/s", note=f"{plan.short} films"),
        Row(WORKERS, "mix, 1 process with both cores", median(wide), "films/s", note="decodes beside its network"),
        Row(WORKERS, "mix, 2 processes", median(two), "films/s", of_one, TWO_WORKERS, "times one, as beside others"),
        Row(WORKERS, "mix, 2 processes", median(two), "films/s", of_wide, note="times one with both cores"),
        Row(WORKERS, "mix, 2 processes", median(two), "films/s", of_both, note="times two with WORKER_OVERLAP=1"),
        Row(WORKERS, "the first film after a start", cold, "s", note="upload to result, cold"),
    ]


def length(plan: Plan) -> list[Row]:
    """A fresh system: few films, many, few; memory early in the first and at the end of the second."""
    with system() as fresh:
        memory = _Memory()
        before, many, after = (_watched(fresh, count, memory) for count in (plan.few, plan.many, plan.few))
    few = (before.rate + after.rate) / 2
    early, late = memory.around(plan.early), memory.around(plan.few + plan.many)
    return [
        Row(LENGTH, f"light mix, {plan.few:,} films", few, "films/s", note="mean of before and after the long run"),
        Row(LENGTH, f"light mix, {plan.many:,} films", many.rate, "films/s", many.rate / few, MANY_FILMS),
        Row(LENGTH, f"memory of the workers, {plan.early:,} films", early, "MB"),
        Row(LENGTH, f"memory of the workers, {plan.few + plan.many:,} films", late, "MB", late / early, MEMORY),
    ]


class _Memory:
    """The worker's memory by the number of films it has screened."""

    def __init__(self) -> None:
        self._before = 0
        self._samples: list[tuple[int, float]] = []

    def look(self, status: Status) -> None:
        """Take a sample."""
        self._samples.append((self._before + int(status["progress"]["finished"]), worker_memory()))

    def next_batch(self, films: int) -> None:
        """From now on the count goes on from the films that are done."""
        self._before += films

    def around(self, films: int) -> float:
        """Megabytes about when this many films were done; between two groups of films it goes up and down."""
        near = [megabytes for done, megabytes in self._samples if abs(done - films) <= SMOOTH * films]
        nearest = min(self._samples, key=lambda sample: abs(sample[0] - films))[1]
        return median(near) if near else nearest


def _watched(fresh: System, count: int, memory: _Memory) -> Run:
    run = fresh.screen(films("light mix", count), DEFAULT, memory.look)
    memory.next_batch(count)
    return run


def _fresh(plan: Plan, count: int, env: dict[str, str]) -> tuple[float, float]:
    """Films per second of a system with this many processes, and seconds of its first film."""
    with system(count, env) as fresh:
        cold = upload_to_result(fresh, films("mix", 1)[0]).seen
        fresh.warm(DEFAULT, plan.warm)
        return fresh.screen(films("mix", plan.short), DEFAULT).rate, cold
