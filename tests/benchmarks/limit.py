"""The limit: two one-threaded processes that read, decode and run the network over the same films, nothing else."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.films import Film
from tests.benchmarks.plan import PROCESSES

if TYPE_CHECKING:
    from ml.inference.classifier import Classifier

CHUNK = 8  # films in one pass of the network
START_SECONDS = 120


@dataclass(frozen=True)
class Limit:
    """What the bare loop did: films per second of both processes, and seconds of processor a film."""

    rate: float
    processor: float


@lru_cache(maxsize=1)
def classifier(model: str) -> Classifier:
    """The model, loaded once a process."""
    from ml.inference.bundle import find_bundle
    from ml.inference.classifier import Classifier

    return Classifier(find_bundle(model))


def bare_loop(model: str, paths: Sequence[Path]) -> float:
    """Read, decode, network; nothing else. Returns the seconds of processor it took."""
    from ml.decoding.preprocess import load

    started = time.process_time()
    network = classifier(model)
    pictures = [load(path.read_bytes()).pixels for path in paths]
    network.predict(np.stack([ready.input for ready in network.prepare(pictures)]))
    return time.process_time() - started


def limit(films: Sequence[Film], model: str) -> Limit:
    """Measure the bare loop in warm processes.

    The processes take chunks as they come free. Cut in fixed halves, a mix that repeats every four films would give
    one process all JPEG and the other the rest, and the slower half would pass for the limit.
    """
    paths = [film.path for film in films]
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(PROCESSES + 1)
    with (
        _one_thread(),
        context.Pool(PROCESSES, initializer=_warm, initargs=(model, chunks[0], ready)) as pool,
    ):
        ready.wait(START_SECONDS)  # start-up is not measured
        started = time.perf_counter()
        processor = sum(pool.starmap(bare_loop, [(model, chunk) for chunk in chunks], chunksize=1))
        return Limit(len(paths) / (time.perf_counter() - started), processor / len(paths))


def alone(films: Sequence[Film], model: str) -> list[float]:
    """Seconds of each film by itself: decoding and one forward pass, warm, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with _one_thread(), context.Pool(1) as pool:
        return pool.apply(_each, (model, [film.path for film in films]))


def _each(model: str, paths: Sequence[Path]) -> list[float]:
    bare_loop(model, paths)
    times = []
    for path in paths:
        started = time.perf_counter()
        bare_loop(model, [path])
        times.append(time.perf_counter() - started)
    return times


def _warm(model: str, paths: Sequence[Path], ready: Barrier) -> None:
    bare_loop(model, paths)
    ready.wait(START_SECONDS)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started in this block get one thread for their arithmetic, as the worker's do."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
