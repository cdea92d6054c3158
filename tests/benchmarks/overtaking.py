"""A small batch behind thousands of waiting films: how long it takes, in chunks of the large one."""

from __future__ import annotations

import random
import time
from statistics import median

from tests.benchmarks.films import films
from tests.benchmarks.plan import DEFAULT, Plan
from tests.benchmarks.report import OVERTAKING, Row
from tests.benchmarks.system import System

SECTION = "overtaking"
SMALL = 3  # films
POLL_SECONDS = 0.1  # the result is the server's own time from submission to the last result
MOST_PAUSE = 2.0  # seconds before each small batch
UNDER_WAY = 2  # chunks done before the first small batch comes


def run(system: System, plan: Plan) -> list[Row]:
    """One large batch, several small ones at random moments, then the large one is cancelled."""
    system.warm(DEFAULT, plan.warm)
    chunk = system.setting("CHUNK_FILMS")
    large = system.upload(films("light mix", plan.waiting), DEFAULT)
    system.sender.submit(large)
    while _finished(system, large) < UNDER_WAY * chunk:
        time.sleep(POLL_SECONDS)
    first, started = _finished(system, large), time.perf_counter()
    times = [_small(system) for _ in range(plan.overtakers)]
    last, seconds = _finished(system, large), time.perf_counter() - started
    _cancel(system, large)
    if last >= plan.waiting:
        raise RuntimeError("the large batch was done before the small ones: take more waiting films")
    rate = (last - first + SMALL * len(times)) / seconds
    unit = chunk * system.workers / rate
    return [
        Row(SECTION, "time of one chunk", unit, "s", note=f"{chunk} films in one of {system.workers} processes"),
        Row(SECTION, f"{SMALL} films, median", median(times), "s", median(times) / unit, OVERTAKING),
        Row(
            SECTION,
            f"{SMALL} films, slowest",
            max(times),
            "s",
            max(times) / unit,
            OVERTAKING,
            f"chunks; {len(times)} batches, {plan.waiting - last:,} of {plan.waiting:,} still waiting after the last",
        ),
    ]


def _small(system: System) -> float:
    """Seconds from the submission of a small batch to its last result."""
    time.sleep(random.uniform(0, MOST_PAUSE))  # at any moment of a chunk
    batch = system.sender.create("small", DEFAULT)
    system.sender.upload(batch, films("light mix", SMALL))
    system.sender.submit(batch)
    return float(system.sender.wait(batch, POLL_SECONDS)["progress"]["seconds"])


def _finished(system: System, batch: str) -> int:
    return int(system.sender.status(batch)["progress"]["finished"])


def _cancel(system: System, batch: str) -> None:
    system.sender.cancel(batch)
    system.sender.wait(batch, POLL_SECONDS)
    system.discard_films()
