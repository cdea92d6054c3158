"""One film at a time, from the first byte of its upload to its result, beside decoding and one forward pass of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles

from tests.benchmarks.films import Film, films
from tests.benchmarks.limit import alone
from tests.benchmarks.plan import DEFAULT, Plan
from tests.benchmarks.report import SINGLE_FILM, Row
from tests.benchmarks.system import System

SECTION = "latency of a single film"
POLL_MS = 5.0
MOST_SECONDS = 120
FINAL = {"done", "rejected", "failed", "cancelled"}


def run(system: System, plan: Plan) -> list[Row]:
    """Films of the mix one after the other through a warm system."""
    sent = films("mix", plan.singles)
    system.warm(DEFAULT, plan.warm)
    times = [upload_to_result(system, film) for film in sent]
    bare = alone(sent, DEFAULT)
    system.discard_films()
    stored, seen = [one.stored for one in times], [one.seen for one in times]
    note = f"times bare; {len(sent)} films, by the server's clock"
    return [
        Row(
            SECTION,
            "upload to result stored, p50",
            1000 * median(stored),
            "ms",
            median(stored) / median(bare),
            SINGLE_FILM,
            note=note,
        ),
        Row(SECTION, "upload to result stored, p95", 1000 * _p95(stored), "ms", _p95(stored) / _p95(bare)),
        Row(SECTION, "upload to result seen, p50", 1000 * median(seen), "ms", note=f"asked every {POLL_MS:.0f} ms"),
        Row(SECTION, "upload to result seen, p95", 1000 * _p95(seen), "ms"),
        Row(SECTION, "bare decoding and network, p50", 1000 * median(bare), "ms"),
        Row(SECTION, "bare decoding and network, p95", 1000 * _p95(bare), "ms"),
    ]


@dataclass(frozen=True)
class Latency:
    """Seconds from the first byte of an upload: until its result was stored, and until its sender saw it."""

    stored: float
    seen: float


def upload_to_result(system: System, film: Film) -> Latency:
    """Send one film into a batch that is open already, and ask until it is final. Both clocks are this machine's."""
    sender = system.sender
    batch = sender.create("one film", DEFAULT)
    began, started = time.time(), time.perf_counter()
    (pk,) = sender.upload(batch, [film])
    sender.submit(batch)
    while (answer := sender.film(pk))["state"] not in FINAL:
        if time.perf_counter() - started > MOST_SECONDS:
            raise TimeoutError(f"{film.path.name} has no result after {MOST_SECONDS} s")
        time.sleep(POLL_MS / 1000)
    stored = datetime.fromisoformat(answer["finished_at"]).timestamp() - began
    return Latency(stored, time.perf_counter() - started)


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]
