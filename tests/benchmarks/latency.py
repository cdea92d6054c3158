"""One film at a time, from the first byte of its upload to its result, beside decoding and one forward pass of it."""

from __future__ import annotations

import time
from statistics import median, quantiles

from tests.benchmarks.films import Film, films
from tests.benchmarks.limit import alone
from tests.benchmarks.plan import DEFAULT, Plan
from tests.benchmarks.report import SINGLE_FILM, Row
from tests.benchmarks.system import System

SECTION = "latency of a single film"
POLL_SECONDS = 0.005
MOST_SECONDS = 120
FINAL = {"done", "rejected", "failed", "cancelled"}


def run(system: System, plan: Plan) -> list[Row]:
    """Films of the mix one after the other through a warm system."""
    sent = films("mix", plan.singles)
    system.warm(DEFAULT, plan.warm)
    times = [upload_to_result(system, film) for film in sent]
    bare = alone(sent, DEFAULT)
    system.discard_films()
    note = f"{len(sent)} films, asked every {1000 * POLL_SECONDS:.0f} ms"
    typical, slow = median(times), _p95(times)
    return [
        Row(
            SECTION,
            "upload to result, p50",
            1000 * typical,
            "ms",
            typical / median(bare),
            SINGLE_FILM,
            note=f"times bare; {note}",
        ),
        Row(SECTION, "upload to result, p95", 1000 * slow, "ms", slow / _p95(bare), note="times bare"),
        Row(SECTION, "bare decoding and network, p50", 1000 * median(bare), "ms"),
        Row(SECTION, "bare decoding and network, p95", 1000 * _p95(bare), "ms"),
    ]


def upload_to_result(system: System, film: Film) -> float:
    """Seconds from before the upload to the first answer that the film is final; the batch is open already."""
    sender = system.sender
    batch = sender.create("one film", DEFAULT)
    started = time.perf_counter()
    (pk,) = sender.upload(batch, [film])
    sender.submit(batch)
    while sender.film(pk)["state"] not in FINAL:
        if time.perf_counter() - started > MOST_SECONDS:
            raise TimeoutError(f"{film.path.name} has no result after {MOST_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return time.perf_counter() - started


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]
