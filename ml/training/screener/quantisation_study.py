"""INT8 and other layouts of the graph: ``python -m ml.training.screener.quantisation_study``.

For each kind of quantisation: the shift of AUROC on every test of the folds, calibrated on films of the fold's
training part only, and the time of the network in pairs with the float graph, one thread. Needs the trained folds
(``python -m ml.training.screener.folds --folds``); with ``--bundle`` the bundle's own graph is measured instead, on
patients that are not in its training.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import require_data_dir
from ml.errors import BundleError, DataSetError
from ml.inference.bundle import Bundle, find_bundle
from ml.statistics.metrics import auroc
from ml.training.quantisation import VNNI, Quantisation, fold_constants, open_graph, processor_features, quantise
from ml.training.screener.films import Films, Mask, read_films
from ml.training.screener.folds import RUNS
from ml.training.screener.graph_timing import Timing, time_classification, time_layouts, time_network
from ml.training.screener.measured_graphs import (
    BATCH,
    MeasuredGraph,
    bundle_graph,
    draw_calibration,
    fold_graphs,
    prepare_inputs,
)

DESCRIPTION = "Measure the screener's graph in INT8 and in other layouts: AUROC on every fold, and time."

MAX_SHIFT = 0.003  # of AUROC on any test
MIN_SPEED = 1.5  # times the films a second of the float graph, network alone
CALIBRATION_FILMS = 64
NETWORK = f"network, {BATCH} films"
# The first 6 convolutions are the stem and blocks 0 and 1; the first 12 reach to block 3, the first 18 to block 5.
VARIANTS = (
    Quantisation("U8S8 QDQ"),
    Quantisation("U8S8 QOperator", operators=True),
    Quantisation("S8S8 QDQ", signed=True),
    Quantisation("S8S8 QOperator", operators=True, signed=True),
    Quantisation("U8S8 QDQ, weights of 7 bits", reduce_range=True),
    Quantisation("U8S8 QDQ, percentile 99.99", method="Percentile"),
    Quantisation("U8S8 QDQ, entropy", method="Entropy"),
    Quantisation("U8S8 QDQ, first and last in float", float_first=1, float_last=1),
    Quantisation("U8S8 QDQ, first 3 in float", float_first=3),
    Quantisation("U8S8 QDQ, first 6 in float", float_first=6),
    Quantisation("U8S8 QDQ, first 12 in float", float_first=12),
    Quantisation("U8S8 QDQ, first 18 in float", float_first=18),
)


@dataclass(frozen=True)
class Shift:
    """The effect of a quantisation on one test.

    Attributes:
        test: name of the test.
        float_auroc: of the float graph.
        shift: AUROC of the quantised graph less that of the float graph.
        logit_noise: standard deviation of the difference of the logits.
    """

    test: str
    float_auroc: float
    shift: float
    logit_noise: float


def compute_logits(graph: Path, inputs: Float32Array, part: Mask) -> Float64Array:
    """Return a graph's logits of the films in ``part``, NaN elsewhere: [N]."""
    session = open_graph(graph)
    name = session.get_inputs()[0].name
    logits = np.full(len(part), np.nan)
    members = np.nonzero(part)[0]
    for start in range(0, len(members), BATCH):
        batch = members[start : start + BATCH]
        logits[batch] = session.run(["logit"], {name: inputs[batch]})[0][:, 0]
    return logits


def measure_shifts(
    graph: MeasuredGraph,
    films: Films,
    inputs: Float32Array,
    variants: Sequence[Quantisation],
    folder: Path,
    calibration: int = CALIBRATION_FILMS,
) -> dict[str, list[Shift]]:
    """Return the effect of several quantisations of a graph on each of its tests.

    Args:
        graph: the float graph and its films.
        films: every film.
        inputs: the network's input of each, see :func:`prepare_inputs`.
        variants: the quantisations.
        folder: for the quantised graphs; ``NUMBER.onnx`` in the order of ``variants``.
        calibration: number of films to calibrate on.

    Returns:
        the shifts by the name of the quantisation.
    """
    prepared = folder / "prepared.onnx"
    fold_constants(graph.path, prepared)
    chosen = inputs[draw_calibration(films, graph.train, calibration)]
    tested = np.any(list(graph.tests.values()), axis=0)
    reference = compute_logits(graph.path, inputs, tested)
    found = {}
    for number, variant in enumerate(variants):
        quantise(prepared, folder / f"{number}.onnx", chosen, variant)
        logits = compute_logits(folder / f"{number}.onnx", inputs, tested)
        found[variant.name] = [
            _compare(test, films.labels[part], reference[part], logits[part]) for test, part in graph.tests.items()
        ]
    return found


def _compare(test: str, labels: Float32Array, reference: Float64Array, logits: Float64Array) -> Shift:
    before = auroc(labels, reference)
    noise = float(np.std(logits - reference))
    return Shift(test, round(before, 4), round(auroc(labels, logits) - before, 4), round(noise, 3))


def meets_rule(shifts: Sequence[Shift], network: Timing) -> bool:
    """Return whether a quantisation may be served: AUROC within ``MAX_SHIFT`` on every test, and ``MIN_SPEED``."""
    return all(abs(row.shift) <= MAX_SHIFT for row in shifts) and network.median >= MIN_SPEED


def measure_times(
    bundle: Bundle, films: Films, inputs: Float32Array, variants: Sequence[Quantisation], rounds: int, folder: Path
) -> dict[str, dict[str, Timing]]:
    """Return how many times as fast as the float graph each variant of the bundle's graph and each layout is."""
    prepared = folder / "prepared.onnx"
    fold_constants(bundle.graph, prepared)
    chosen = inputs[draw_calibration(films, np.ones(len(inputs), dtype=bool), CALIBRATION_FILMS)]
    pictures = films.pixels[:: max(1, len(films.pixels) // BATCH)][:BATCH]
    found = {}
    for number, variant in enumerate(variants):
        path = folder / f"{number}.onnx"
        quantise(prepared, path, chosen, variant)
        found[variant.name] = {
            f"network, {size} films": time_network(bundle.graph, path, chosen[:size], rounds) for size in (1, BATCH)
        } | {f"classify, {BATCH} films": time_classification(bundle, path, pictures, rounds)}
        print_times(variant.name, found[variant.name])
    for layout, timing in time_layouts(bundle.graph, chosen[:BATCH], rounds, folder).items():
        found[layout] = {NETWORK: timing}
        print_times(layout, found[layout])
    return found


def print_times(name: str, timings: dict[str, Timing]) -> None:
    """Print a row of ratios, minimum and median."""
    cells = [f"{what}: {timing.minimum:.2f} / {timing.median:.2f}" for what, timing in timings.items()]
    print(f"{name:36}", "   ".join(cells), flush=True)


def _study(
    bundle: Bundle, films: Films, graphs: dict[str, MeasuredGraph], variants: Sequence[Quantisation], rounds: int
) -> dict[str, Any]:
    """Measure and print times, then the shifts of the variants that are fast enough; return both by name."""
    print("processor:", ", ".join(sorted(processor_features() & VNNI)) or "no VNNI", flush=True)
    inputs = prepare_inputs(bundle, films)
    times: dict[str, dict[str, Timing]] = {}
    shifts: dict[str, list[Shift]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if rounds:
            times = measure_times(bundle, films, inputs, variants, rounds, Path(folder))
    variants = [row for row in variants if row.name not in times or times[row.name][NETWORK].median >= MIN_SPEED]
    for graph in graphs.values():
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in measure_shifts(graph, films, inputs, variants, Path(folder)).items():
                shifts.setdefault(name, []).extend(rows)
                print(f"{name:36}", "   ".join(f"{row.test}: {row.shift:+.4f}" for row in rows), flush=True)
    for name, rows in shifts.items():
        largest = max(abs(row.shift) for row in rows)
        verdict = f", rule met: {meets_rule(rows, times[name][NETWORK])}" if name in times else ""
        print(f"{name:36} largest shift {largest:.4f}{verdict}")
    return {"times": times, "shifts": shifts}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data, the folds or the named variants are missing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ml.training.screener.quantisation_study", description=DESCRIPTION
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trained folds (default {RUNS})")
    parser.add_argument("--folds", nargs="+", help="only these folds; default all")
    parser.add_argument("--bundle", action="store_true", help="measure the bundle's graph instead of the folds'")
    parser.add_argument("--variants", nargs="+", help="only these, by name; default all")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of times; 0 measures no time")
    options = parser.parse_args(arguments)
    variants = [variant for variant in VARIANTS if not options.variants or variant.name in options.variants]
    if not variants:
        print("There is no such variant; there are: " + "; ".join(row.name for row in VARIANTS), file=sys.stderr)
        return 2
    try:
        bundle, films = find_bundle("screener"), read_films(require_data_dir())
        graphs = bundle_graph(films, bundle) if options.bundle else fold_graphs(films, options.runs, options.folds)
    except (BundleError, DataSetError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    result = _study(bundle, films, graphs, variants, options.rounds)
    options.runs.mkdir(parents=True, exist_ok=True)
    (options.runs / "quantisation.json").write_text(json.dumps(result, indent=1, default=vars))
    return 0


if __name__ == "__main__":
    sys.exit(main())
