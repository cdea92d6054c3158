"""Static quantisation of an ONNX graph to INT8 by ONNX Runtime.

Method: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", CVPR 2018. Weights are quantised per output channel, activations per tensor. Only the convolutional part
of a graph is quantised: input scaling, pooling and head stay in float.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.inference.onnx_runtime import onnxruntime

OPERATORS = ("Conv", "Add", "Clip")
CPU_INFO = Path("/proc/cpuinfo")
# Instructions that multiply 8-bit numbers and add in 32 bits. Without them ONNX Runtime adds U8S8 pairs in 16 bits,
# which can saturate.
VNNI = frozenset({"avx512_vnni", "avx_vnni"})


@dataclass(frozen=True)
class Quantisation:
    """The options of a quantisation.

    Attributes:
        name: for the table.
        operators: write quantised operators (QOperator) instead of pairs of QuantizeLinear and
            DequantizeLinear (QDQ).
        signed: activations as signed integers (S8S8) instead of unsigned ones (U8S8).
        method: of the calibration: ``MinMax``, ``Percentile`` (99.99) or ``Entropy``.
        reduce_range: weights of 7 bits, for processors without VNNI.
        float_first: number of convolutions at the start that stay in float.
        float_last: number of convolutions at the end that stay in float.
    """

    name: str
    operators: bool = False
    signed: bool = False
    method: str = "MinMax"
    reduce_range: bool = False
    float_first: int = 0
    float_last: int = 0


def fold_constants(graph: Path, prepared: Path) -> None:
    """Write a graph with constants folded and batch normalisation merged into the convolutions, for :func:`quantise`.

    Args:
        graph: the float graph.
        prepared: the file to write.
    """
    preparation = importlib.import_module("onnxruntime.quantization.shape_inference")
    preparation.quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)


def quantise(prepared: Path, out: Path, films: Float32Array, options: Quantisation) -> None:
    """Write a graph in INT8, calibrated on films.

    The ranges of the activations are kept beside the prepared graph, so that further quantisations by the same
    method do not compute them again.

    Args:
        prepared: from :func:`fold_constants`.
        out: the file to write.
        films: inputs of the network, float32 [N, height, width, channels].
        options: see :class:`Quantisation`.

    Raises:
        BundleError: when the graph has no more convolutions than stay in float.
    """
    library = importlib.import_module("onnxruntime.quantization")
    graph = onnx.load(prepared).graph
    library.quantize_static(
        str(prepared),
        str(out),
        _CalibrationFilms(graph.input[0].name, films),
        quant_format=library.QuantFormat.QOperator if options.operators else library.QuantFormat.QDQ,
        op_types_to_quantize=list(OPERATORS),
        nodes_to_quantize=_nodes_to_quantise(graph, options),
        per_channel=True,
        reduce_range=options.reduce_range,
        activation_type=library.QuantType.QInt8 if options.signed else library.QuantType.QUInt8,
        weight_type=library.QuantType.QInt8,
        calibrate_method=library.CalibrationMethod[options.method],
        extra_options={"CalibPercentile": 99.99} if options.method == "Percentile" else {},
        calibration_cache_path=prepared.with_suffix(f".{options.method}.json"),
    )


def open_graph(graph: Path, level: str = "ORT_ENABLE_ALL", optimised: Path | None = None) -> Any:
    """Open a graph on one thread.

    Args:
        graph: the ONNX file.
        level: of ONNX Runtime's optimisation, a name in ``GraphOptimizationLevel``.
        optimised: a file to write the optimised graph to.

    Returns:
        an ``onnxruntime.InferenceSession``.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 3  # a warning says that a saved graph fits only this processor; the study knows
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def processor_features(cpu_info: Path = CPU_INFO) -> frozenset[str]:
    """Return the processor's features by their names in Linux; empty where the system does not list them."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


class _CalibrationFilms:
    """The reader of inputs that ONNX Runtime's calibration expects."""

    def __init__(self, name: str, films: Float32Array) -> None:
        # One film a step: the histograms of Percentile and Entropy need steps of one size.
        self._inputs: Iterator[dict[str, Float32Array]] = ({name: film[None]} for film in films)

    def get_next(self) -> dict[str, Float32Array] | None:
        """Return the next inputs by name, or ``None`` after the last."""
        return next(self._inputs, None)


def _nodes_to_quantise(graph: onnx.GraphProto, options: Quantisation) -> list[str]:
    """Return the names of the nodes from the first quantised convolution to the activation behind the last one."""
    nodes = list(graph.node)
    places = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    chosen = places[options.float_first : len(places) - options.float_last]
    if not chosen:
        raise BundleError(f"{options.name}: the graph has only {len(places)} convolutions")
    end = chosen[-1] + 2  # the activation of the last one
    return [node.name for node in nodes[chosen[0] : end] if node.op_type in OPERATORS]
