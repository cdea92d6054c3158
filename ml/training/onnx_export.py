"""From Keras to ONNX and back, and the proof that both say the same."""

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
PARITY_BOUND = 1e-4  # largest difference of a score between Keras and ONNX Runtime
PARITY_FILMS = 32
SPREAD = 0.2  # scores must differ at least this much, or agreement would prove nothing


def export(network: keras.Model, path: Path) -> None:
    """Write a network as an ONNX graph with one input, by tf2onnx from a SavedModel.

    (Keras' own ONNX export can add required inputs without saying so.)

    Raises:
        BundleError: when the conversion fails or the graph does not have exactly one input.
    """
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, format="tf_saved_model", verbose=False)
        # tf2onnx rewires TensorFlow's session state; a process of its own keeps ours clean.
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder, "--opset", str(OPSET)]
        done = subprocess.run([*command, "--output", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BundleError(f"tf2onnx failed:\n{done.stderr[-2000:]}")
    inputs = onnx.load(path).graph.input
    if len(inputs) != 1:
        raise BundleError(f"the exported graph wants {len(inputs)} inputs; a film is one")


def parity(network: keras.Model, path: Path, films: Float32Array) -> float:
    """Largest difference between the scores of Keras and ONNX Runtime.

    Args:
        network: the Keras network.
        path: its ONNX graph.
        films: float32 [N, H, W, C], at least ``PARITY_FILMS`` of them.

    Raises:
        BundleError: when the difference passes ``PARITY_BOUND``, or the films cannot prove anything.
    """
    if len(films) < PARITY_FILMS:
        raise BundleError(f"parity needs at least {PARITY_FILMS} films, not {len(films)}")
    expected = np.asarray(network.predict(films, batch_size=16, verbose=0)).ravel()
    if np.ptp(expected) < SPREAD:
        raise BundleError("the network says the same of every film; agreement on that would prove nothing")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    actual = np.concatenate(
        [session.run(None, {name: films[i : i + 16]})[0].ravel() for i in range(0, len(films), 16)]
    )
    difference = float(np.abs(actual - expected).max())
    if difference > PARITY_BOUND:
        raise BundleError(f"ONNX Runtime's scores differ from Keras' by up to {difference:.1e}")
    return difference


def restore(network: keras.Model, path: Path) -> None:
    """Load the weights of an exported plain convolutional network back into Keras.

    The graph is the only copy of the weights that ships; this makes them trainable again.

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
            variable.assign(_take(stored, tuple(variable.shape), variable.path))


def _take(stored: list[Float32Array], shape: tuple[int, ...], name: str) -> Float32Array:
    """The next stored tensor of this shape; ONNX keeps convolution kernels as [out, in, height, width]."""
    kernel = len(shape) == 4
    wanted = (shape[3], shape[2], shape[0], shape[1]) if kernel else shape
    fits = [index for index, tensor in enumerate(stored) if tensor.shape == wanted]
    if not fits:
        raise BundleError(f"the graph holds no weights of shape {wanted} for {name}")
    tensor = stored.pop(fits[0])
    return tensor.transpose(2, 3, 1, 0) if kernel else tensor
