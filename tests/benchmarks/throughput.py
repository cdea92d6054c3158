"""``make bench``: films per second end to end beside the bare loop, measured in one run.

The limit: two processes that only read, decode and run the network. End to end: submission to last result stored,
through REST, Celery, PostgreSQL and the storage.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from pathlib import Path

import numpy as np

from screening.client.rest import Client, Upload
from screening.runtime.stack import Stack, running_stack
from tests.benchmarks.films import films

INSTANCE = Path("var/bench")
MODEL = "screener"
CHUNK = 8  # films; what the worker takes at a time
PROCESSES = 2


def bare_loop(paths: list[Path]) -> None:
    """Read, decode, network; nothing else. Runs in a process of its own."""
    from ml.bundle import find
    from ml.classifier import Classifier
    from ml.preprocess import load

    classifier = Classifier(find(MODEL))
    for start in range(0, len(paths), CHUNK):
        chunk = [load(path.read_bytes()) for path in paths[start : start + CHUNK]]
        classifier.predict(np.stack([ready.input for ready in classifier.prepare(chunk)]))


def limit(paths: list[Path]) -> float:
    """Films per second of the bare loop in two warm processes."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        parts = [paths[index::PROCESSES] for index in range(PROCESSES)]
        pool.map(bare_loop, [part[:CHUNK] for part in parts], chunksize=1)  # start-up is not measured
        started = time.perf_counter()
        pool.map(bare_loop, parts, chunksize=1)
        return len(paths) / (time.perf_counter() - started)


def end_to_end(client: Client, paths: list[Path], name: str) -> float:
    """Films per second from submission to the last result, as the server's own clock has it."""
    batch = client.create_batch(name)
    client.add_all(batch, [Upload(path.name, path) for path in paths], lambda _film: None)
    client.submit(batch)
    progress = client.wait(batch, lambda _status: None, 3600)["progress"]
    if progress["states"]["done"] != len(paths):
        raise RuntimeError(f"not every film was screened: {progress['states']}")
    return float(progress["films_per_second"])


def measure(stack: Stack, count: int, rounds: int) -> dict[str, object]:
    """Both in turn, ``rounds`` times; medians and the ratio of each pair."""
    token = json.loads(stack.run_management_command("service_user", "bench"))["token"]
    client = Client(stack.base_url, token)
    paths = films(INSTANCE / "films", count)
    end_to_end(client, paths[: 2 * CHUNK], "warm-up")
    pairs = [(limit(paths), end_to_end(client, paths, f"round {turn}")) for turn in range(rounds)]
    return {
        "model": MODEL,
        "films": count,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "limit_films_per_second": statistics.median(pair[0] for pair in pairs),
        "end_to_end_films_per_second": statistics.median(pair[1] for pair in pairs),
        "ratios": [round(pair[1] / pair[0], 3) for pair in pairs],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.throughput", description=__doc__)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with running_stack(INSTANCE, workers=PROCESSES, quiet=True) as stack:
        result = measure(stack, options.films, options.rounds)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):30} {f'{value:.1f}' if isinstance(value, float) else value}")


if __name__ == "__main__":
    main()
