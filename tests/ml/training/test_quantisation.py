"""A small graph is really quantised: which weights become INT8, and how far its scores move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx import numpy_helper

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.training.quantisation import (
    VNNI,
    Quantisation,
    fold_constants,
    open_graph,
    processor_features,
    quantise,
)
from tests.ml.helpers import tiny_graph


@pytest.fixture(scope="module")
def films() -> Float32Array:
    return np.random.default_rng(1).random((32, 12, 12, 1), np.float32)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    path = tmp_path / "prepared.onnx"
    fold_constants(tiny_graph(tmp_path / "float.onnx"), path)
    return path


def int8_kernels(path: Path) -> int:
    tensors = onnx.load(path).graph.initializer
    return sum(tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4 for tensor in tensors)


def operators(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path).graph.node}


def logits(path: Path, films: Float32Array) -> Float32Array:
    return np.asarray(open_graph(path).run(["logit"], {"film": films})[0])[:, 0]


def test_all_convolutions_become_int8_and_the_logits_stay_close(prepared: Path, films: Float32Array) -> None:
    out = prepared.with_name("int8.onnx")
    quantise(prepared, out, films, Quantisation("all"))
    assert int8_kernels(out) == 3
    assert "QuantizeLinear" in operators(out)
    expected, actual = logits(prepared, films), logits(out, films)
    assert not np.array_equal(expected, actual)
    assert np.std(actual - expected) < 0.2 * np.std(expected)


def test_folding_constants_changes_no_logit(prepared: Path, films: Float32Array) -> None:
    np.testing.assert_allclose(logits(prepared, films), logits(prepared.with_name("float.onnx"), films), atol=1e-5)


@pytest.mark.parametrize(("first", "last", "kernels"), [(1, 0, 2), (0, 1, 2), (1, 1, 1), (2, 0, 1)])
def test_convolutions_stay_in_float(prepared: Path, films: Float32Array, first: int, last: int, kernels: int) -> None:
    out = prepared.with_name("int8.onnx")
    quantise(prepared, out, films, Quantisation("some", float_first=first, float_last=last))
    assert int8_kernels(out) == kernels


def test_a_graph_that_stays_in_float_is_refused(prepared: Path, films: Float32Array) -> None:
    with pytest.raises(BundleError, match="none: the graph has only 3 convolutions"):
        quantise(prepared, prepared.with_name("int8.onnx"), films, Quantisation("none", float_first=3))


def test_quantised_operators_give_the_same_logits_as_pairs(prepared: Path, films: Float32Array) -> None:
    pairs, fused = prepared.with_name("pairs.onnx"), prepared.with_name("operators.onnx")
    quantise(prepared, pairs, films, Quantisation("pairs"))
    quantise(prepared, fused, films, Quantisation("operators", operators=True))
    assert "QLinearConv" in operators(fused) - operators(pairs)
    spread = np.std(logits(pairs, films))
    assert np.abs(logits(pairs, films) - logits(fused, films)).max() < 0.2 * spread


def test_weights_of_7_bits_stay_within_64(prepared: Path, films: Float32Array) -> None:
    out = prepared.with_name("int8.onnx")
    quantise(prepared, out, films, Quantisation("7 bits", reduce_range=True))
    kernels = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(out).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert len(kernels) == 3
    assert max(np.abs(kernel.astype(int)).max() for kernel in kernels) == 64


def test_the_calibration_of_a_method_is_reused(prepared: Path, films: Float32Array) -> None:
    first, again = prepared.with_name("first.onnx"), prepared.with_name("again.onnx")
    quantise(prepared, first, films, Quantisation("first"))
    quantise(prepared, again, 100 * films, Quantisation("again"))
    np.testing.assert_array_equal(logits(first, films), logits(again, films))


@pytest.mark.parametrize("method", ["Percentile", "Entropy"])
def test_histograms_calibrate_any_number_of_films(prepared: Path, films: Float32Array, method: str) -> None:
    out = prepared.with_name("int8.onnx")
    quantise(prepared, out, films[:13], Quantisation(method, method=method))
    assert int8_kernels(out) == 3
    assert np.corrcoef(logits(prepared, films), logits(out, films))[0, 1] > 0.9


def test_features_of_the_processor_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: made up\nflags\t\t: fpu avx2 avx512_vnni\nbugs\t\t: none\n")
    assert processor_features(path) == {"fpu", "avx2", "avx512_vnni"}
    assert processor_features(path) & VNNI == {"avx512_vnni"}
    assert processor_features(tmp_path / "missing") == frozenset()
