"""Export from Keras to ONNX, the comparison of both, and the way back."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import numpy_helper

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.inference.onnx_runtime import onnxruntime

OPSET = 17
MAX_DIFFERENCE = 1e-4  # largest difference of a score between Keras and ONNX Runtime
MIN_FILMS = 32  # for the comparison
MIN_SPREAD = 0.2  # of the scores; with less, agreement would show nothing


def export(network: keras.Model, path: Path) -> None:
    """Write a network as an ONNX graph with one input, by tf2onnx from a SavedModel.

    Keras' own ONNX export can add required inputs silently.

    Raises:
        BundleError: when the conversion fails, the graph does not have exactly one input, or the runtime refuses it.
    """
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, format="tf_saved_model", verbose=False)
        # tf2onnx changes TensorFlow's session state, so it runs in a process of its own.
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder, "--opset", str(OPSET)]
        done = subprocess.run([*command, "--output", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BundleError(f"tf2onnx failed:\n{done.stderr[-2000:]}")
    inputs = onnx.load(path).graph.input
    if len(inputs) != 1:
        raise BundleError(f"the exported graph has {len(inputs)} inputs instead of one")
    try:
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # tf2onnx copies operators that ONNX does not have; the runtime has no base class
        raise BundleError(f"ONNX Runtime cannot open the exported graph: {error}") from error


def measure_parity(network: keras.Model, path: Path, films: Float32Array) -> float:
    """Return the largest difference between the scores of Keras and ONNX Runtime.

    Args:
        network: the Keras network.
        path: its ONNX graph.
        films: float32 [N, H, W, C], at least ``MIN_FILMS`` of them.

    Raises:
        BundleError: when the difference passes ``MAX_DIFFERENCE``, or the films are too few or too alike.
    """
    if len(films) < MIN_FILMS:
        raise BundleError(f"parity needs at least {MIN_FILMS} films, not {len(films)}")
    expected = np.asarray(network.predict(films, batch_size=16, verbose=0)).ravel()
    if np.ptp(expected) < MIN_SPREAD:
        raise BundleError("the network scores all films alike, so agreement would show nothing; use other films")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    actual = np.concatenate(
        [session.run(None, {name: films[i : i + 16]})[0].ravel() for i in range(0, len(films), 16)]
    )
    difference = float(np.abs(actual - expected).max())
    if difference > MAX_DIFFERENCE:
        raise BundleError(f"ONNX Runtime's scores differ from Keras' by up to {difference:.1e}")
    return difference


def restore_weights(network: keras.Model, path: Path) -> None:
    """Load the weights of an exported plain convolutional network back into Keras.

    A bundle holds the weights as a graph only; this makes them trainable again.

    Args:
        network: the network to load them into.
        path: the graph.

    Raises:
        BundleError: when the graph's weights do not fit the network.
    """
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # Listed in any order, and biases of several layers have one shape; the nodes come in the network's order.
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in tensors)
    stored = [tensors[name] for name in used if tensors[name].dtype == np.float32]
    for layer in network.layers:
        for variable in layer.weights:
            variable.assign(_next_tensor(stored, tuple(variable.shape), variable.path))


def _next_tensor(stored: list[Float32Array], shape: tuple[int, ...], name: str) -> Float32Array:
    """Remove and return the next stored tensor of a shape.

    ONNX keeps convolution kernels as [out, in, height, width].
    """
    kernel = len(shape) == 4
    stored_shape = (shape[3], shape[2], shape[0], shape[1]) if kernel else shape
    matching = [index for index, tensor in enumerate(stored) if tensor.shape == stored_shape]
    if not matching:
        raise BundleError(f"the graph holds no weights of shape {stored_shape} for {name}")
    tensor = stored.pop(matching[0])
    return tensor.transpose(2, 3, 1, 0) if kernel else tensor
