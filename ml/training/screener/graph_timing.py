"""Times of graphs in pairs: one graph and another in turn, so that the ratio holds on a machine with other load."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.inference.bundle import Bundle
from ml.inference.classifier import Classifier
from ml.model_card.card import GRAPH
from ml.training.quantisation import open_graph

FILMS = 24  # a time, so that a time is long enough to measure
# ONNX Runtime's optimisation levels; only the last one uses its blocked layout NCHWc. Graphs are compared with it.
LAYOUTS = {
    "float, NCHW, not optimised": "ORT_DISABLE_ALL",
    "float, NCHW, basic": "ORT_ENABLE_BASIC",
    "float, NCHW, extended": "ORT_ENABLE_EXTENDED",
}
OFFLINE = "float, NCHWc, optimised offline"


@dataclass(frozen=True)
class Timing:
    """Ratios of a graph's speed to the float graph's, over all pairs.

    Attributes:
        minimum: the smallest ratio.
        median: the median ratio; 2 is twice as fast.
        milliseconds: median processor time of a film.
    """

    minimum: float
    median: float
    milliseconds: float


def compare_times(reference: Callable[[], object], other: Callable[[], object], films: int, rounds: int) -> Timing:
    """Call two functions in turn and return the ratios of their processor time.

    Args:
        reference: the first; it and ``other`` run once before the first pair.
        other: the second.
        films: that a call works on.
        rounds: pairs.
    """
    calls = max(1, FILMS // films)
    _seconds(reference, 1)
    _seconds(other, 1)
    pairs = [(_seconds(reference, calls), _seconds(other, calls)) for _ in range(rounds)]
    ratios = [first / second for first, second in pairs]
    milliseconds = 1000 * statistics.median(second for _, second in pairs) / calls / films
    return Timing(round(min(ratios), 3), round(statistics.median(ratios), 3), round(milliseconds, 2))


def time_network(reference: Path, other: Path, inputs: Float32Array, rounds: int) -> Timing:
    """Compare two graphs alone, all inputs in one step."""
    return compare_times(
        _forward(open_graph(reference), inputs), _forward(open_graph(other), inputs), len(inputs), rounds
    )


def time_classification(bundle: Bundle, other: Path, films: Sequence[Grey], rounds: int) -> Timing:
    """Compare the whole step from working pictures to results with another graph in a copy of the bundle."""
    with tempfile.TemporaryDirectory() as folder:
        for path in bundle.path.iterdir():
            (Path(folder) / path.name).symlink_to(other.resolve() if path.name == GRAPH else path)
        first, second = Classifier(bundle), Classifier(replace(bundle, path=Path(folder)))
    return compare_times(lambda: first.classify(films), lambda: second.classify(films), len(films), rounds)


def time_layouts(graph: Path, inputs: Float32Array, rounds: int, folder: Path) -> dict[str, Timing]:
    """Compare the float graph as served (NCHWc, optimised when it is opened) with its other layouts."""
    served = _forward(open_graph(graph), inputs)
    offline = folder / "offline.onnx"
    open_graph(graph, optimised=offline)
    sessions = {name: open_graph(graph, level) for name, level in LAYOUTS.items()}
    sessions[OFFLINE] = open_graph(offline, "ORT_DISABLE_ALL")
    return {
        name: compare_times(served, _forward(session, inputs), len(inputs), rounds)
        for name, session in sessions.items()
    }


def _forward(session: object, inputs: Float32Array) -> Callable[[], object]:
    name = session.get_inputs()[0].name  # type: ignore[attr-defined]
    return lambda: session.run(None, {name: inputs})  # type: ignore[attr-defined]


def _seconds(call: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return time.process_time() - started
