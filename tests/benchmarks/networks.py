"""Films per second of the networks alone, side by side: ``python -m tests.benchmarks.networks``.

Two one-threaded processes, as two workers on two cores run them; what a film costs is everything after decoding up
to score, map and gate. Each pair is measured in turn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time

import numpy as np

from ml.inference.bundle import bundle_names, find_bundle
from ml.phantom.film import PhantomSpec, chest

PROCESSES, CHUNK = 2, 8
REFERENCE = "seed-cnn"


def rate(model: str, chunks: int, whole: bool) -> float:
    """Films per second of one process: the network alone, or the whole way from picture to finding."""
    from ml.inference.classifier import Classifier

    classifier = Classifier(find_bundle(model))
    films = [chest(PhantomSpec(height=512, width=480, seed=seed)).astype(np.uint8) for seed in range(CHUNK)]
    inputs = np.stack([ready.input for ready in classifier.prepare(films)])
    classifier.predict(inputs)
    started = time.perf_counter()
    for _ in range(chunks):
        if whole:
            classifier.classify(films)
        else:
            classifier.predict(inputs)
    return chunks * CHUNK / (time.perf_counter() - started)


def together(model: str, chunks: int, whole: bool) -> float:
    """Films per second of all processes at once."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return sum(pool.starmap(rate, [(model, chunks, whole)] * PROCESSES, chunksize=1))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.networks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunks", type=int, default=20)
    options = parser.parse_args()
    for whole in (False, True):
        print("\nfrom picture to finding" if whole else "network alone")
        rounds = [{m: together(m, options.chunks, whole) for m in bundle_names()} for _ in range(options.rounds)]
        for model in bundle_names():
            films = statistics.median(row[model] for row in rounds)
            ratio = statistics.median(row[model] / row[REFERENCE] for row in rounds)
            print(f"{model:12} {films:8.1f} films/s   {ratio:5.2f} × {REFERENCE}")


if __name__ == "__main__":
    main()
