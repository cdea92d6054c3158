"""The gate's inputs of every picture that it is trained on, computed once and kept in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.inference.classifier import Classifier
from ml.training.gate.data import Sample

BATCH = 8
SEPARATOR = "+"  # between the names of recipes


@dataclass(frozen=True)
class GateInputs:
    """Inputs and descriptions of N pictures.

    Attributes:
        inputs: float32 [N, F], see :func:`ml.inference.gate.gate_input`.
        sides: float32 [N, S], see :func:`ml.inference.mirror.side_features`.
        kinds: one of ``CLASSES`` each, [N].
        groups: patient or photograph, [N].
        sources: data set, web site or folder, [N].
        recipes: how a picture was changed or drawn, names joined by ``SEPARATOR``; empty as published, [N].
    """

    inputs: Float32Array
    sides: Float32Array
    kinds: NDArray[np.str_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    recipes: NDArray[np.str_]

    def made_by(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return which pictures one of these recipes had a part in, [N]."""
        wanted = set(names)
        return np.array([not wanted.isdisjoint(recipe.split(SEPARATOR)) for recipe in self.recipes])


def compute_inputs(classifier: Classifier, samples: Iterable[Sample]) -> GateInputs:
    """Compute the inputs of every sample, with a progress bar.

    Raises:
        BundleError: when the lung network of the bundle has no output for the gate.
    """
    inputs: list[Float32Array] = []
    sides: list[Float32Array] = []
    labels: list[tuple[str, str, str, str]] = []
    pictures = iter(tqdm(samples, desc="gate", unit="picture", disable=None))
    while chunk := list(islice(pictures, BATCH)):
        for sample, ready in zip(chunk, classifier.prepare([sample.pixels for sample in chunk]), strict=True):
            if ready.gate_input is None or ready.sides is None:
                raise BundleError(f"{classifier.bundle.name}: the lung network has no output for a gate")
            inputs.append(ready.gate_input)
            sides.append(ready.sides)
            labels.append((sample.kind, sample.group, sample.source, SEPARATOR.join(sample.recipes)))
    return GateInputs(np.stack(inputs), np.stack(sides), *(np.array(column) for column in zip(*labels, strict=True)))


def read_inputs(path: Path) -> GateInputs:
    """Read inputs that :func:`write_inputs` wrote.

    Raises:
        OSError, ValueError, KeyError: when the file is missing or damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in GateInputs.__dataclass_fields__}
    return GateInputs(**{name: _with_type(values, np.float32) for name, values in arrays.items()})


def write_inputs(path: Path, inputs: GateInputs) -> None:
    """Write inputs to a file, numbers as float16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {name: _with_type(values, np.float16) for name, values in vars(inputs).items()}
    np.savez(path, **arrays)


def _with_type(values: NDArray[Any], wanted: type[np.floating]) -> NDArray[Any]:
    """Return numbers in another type, and texts as they are."""
    return values.astype(wanted) if values.dtype.kind == "f" else values
