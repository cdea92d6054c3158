"""The study of INT8: which films calibrate and test a graph, the rule, and times in pairs; on a small graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.inference.bundle import find_bundle
from ml.training.quantisation import Quantisation
from ml.training.screener.films import CXNET, HANNOVER, KERMANY, NIH, Films
from ml.training.screener.graph_timing import (
    LAYOUTS,
    OFFLINE,
    Timing,
    compare_times,
    time_classification,
    time_layouts,
    time_network,
)
from ml.training.screener.measured_graphs import MeasuredGraph, draw_calibration, fold_graphs
from ml.training.screener.quantisation_study import MAX_SHIFT, MIN_SPEED, Shift, main, measure_shifts, meets_rule
from tests.ml.helpers import record, tiny_graph


def films() -> Films:
    """40 films: 10 of each of four sources, two of them with COVID-19."""
    rows = [(source, "covid") for source in (HANNOVER, CXNET) for _ in range(10)]
    rows += [(source, "normal") for source in (KERMANY, NIH) for _ in range(10)]
    records = [record(Path(f"/{number}.png"), source, finding) for number, (source, finding) in enumerate(rows)]
    return Films(records, [], np.array([str(number) for number in range(40)]), np.array([""] * 40))


@pytest.fixture
def inputs() -> Float32Array:
    return np.random.default_rng(2).random((40, 12, 12, 1), np.float32)


def test_calibration_draws_each_source_alike_and_from_the_training_only() -> None:
    among = films().sources != NIH
    drawn = draw_calibration(films(), among, 9)
    sources = films().sources[drawn].tolist()
    assert {source: sources.count(source) for source in set(sources)} == {HANNOVER: 3, CXNET: 3, KERMANY: 3}
    assert draw_calibration(films(), among, 9) == drawn


def test_calibration_takes_no_film_twice() -> None:
    drawn = draw_calibration(films(), np.ones(40, dtype=bool), 1000)
    assert drawn == list(range(40))


def test_shifts_are_measured_on_each_test(inputs: Float32Array, tmp_path: Path) -> None:
    every = np.ones(40, dtype=bool)
    tests = {"all": every, "half": np.arange(40) % 2 == 0}
    graph = MeasuredGraph(tiny_graph(tmp_path / "float.onnx"), every, tests)
    variants = [Quantisation("coarse", reduce_range=True), Quantisation("fine", float_first=2)]
    found = measure_shifts(graph, films(), inputs, variants, tmp_path, calibration=16)
    assert list(found) == ["coarse", "fine"]
    assert [row.test for row in found["fine"]] == ["all", "half"]
    assert 0 < found["fine"][0].logit_noise < found["coarse"][0].logit_noise
    assert found["fine"][0].float_auroc == found["coarse"][0].float_auroc
    assert (tmp_path / "0.onnx").exists()


@pytest.mark.parametrize(
    ("shift", "speed", "met"),
    [
        (MAX_SHIFT, MIN_SPEED, True),
        (-MAX_SHIFT - 1e-4, 2.0, False),
        (0.01, 2.0, False),
        (0.0, MIN_SPEED - 0.01, False),
    ],
)
def test_the_rule_needs_every_test_and_the_speed(shift: float, speed: float, met: bool) -> None:
    rows = [Shift("one", 0.8, 0.0, 0.1), Shift("other", 0.7, shift, 0.1)]
    assert meets_rule(rows, Timing(speed, speed, 5.0)) is met


def test_both_sides_of_a_pair_run_in_turn() -> None:
    calls: list[str] = []
    compare_times(lambda: calls.append("a"), lambda: calls.append("b"), films=24, rounds=2)
    assert calls == ["a", "b"] * 3  # the first pair warms up


def test_a_pair_does_equal_work_for_any_number_of_films() -> None:
    calls: list[str] = []
    compare_times(lambda: calls.append("a"), lambda: calls.append("b"), films=8, rounds=1)
    assert calls == ["a", "b"] + 3 * ["a"] + 3 * ["b"]


def test_networks_and_layouts_are_timed(inputs: Float32Array, tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "float.onnx")
    assert time_network(graph, graph, inputs[:8], 1).milliseconds >= 0
    assert set(time_layouts(graph, inputs[:8], 1, tmp_path)) == {*LAYOUTS, OFFLINE}


def test_classification_is_timed_with_the_other_graph(tmp_path: Path) -> None:
    bundle = find_bundle("screener")
    pictures = [np.random.default_rng(0).integers(0, 256, (90, 80), dtype=np.uint8)]
    assert time_classification(bundle, bundle.graph, pictures, 1).median > 0
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no graph")
    with pytest.raises(Exception, match="INVALID_PROTOBUF"):
        time_classification(bundle, damaged, pictures, 1)


def test_a_fold_that_is_not_trained_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="fold cohen is not trained"):
        fold_graphs(films(), tmp_path)


def test_a_fold_is_tested_on_sources_that_it_is_not_calibrated_on(tmp_path: Path) -> None:
    path = tmp_path / "hannover+nih-0" / "screener.onnx"
    path.parent.mkdir()
    path.touch()
    graph = fold_graphs(films(), tmp_path, ["hannover+nih"])["hannover+nih"]
    assert graph.path == path
    for part in graph.tests.values():
        assert not set(films().sources[part]) & set(films().sources[graph.train])


def test_an_unknown_variant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--variants", "U4S4"]) == 2
    assert "U8S8 QDQ; U8S8 QOperator" in capsys.readouterr().err
