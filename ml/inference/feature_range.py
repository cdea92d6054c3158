"""The distance of a film's features to those of the training films, and the rule by which a film is unlike them.

The distance is that to the k-th nearest reference film, on features of length 1 (Sun et al., "Out-of-Distribution
Detection with Deep Nearest Neighbors", ICML 2022). The square root of pooled features is taken first. A few hundred
reference films in a subspace of the features stand for the training films; the distance to the subspace is added, so
that a film is also far away in directions that no training film has. NumPy only; fitted by
``ml.training.screener.feature_range``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array

ARRAYS = ("mean", "components", "references")


@dataclass(frozen=True)
class FeatureRange:
    """Reference films in a subspace of the features.

    Attributes:
        mean: float32 [C], of the prepared features of the training films.
        components: float32 [C, D], orthonormal directions of the subspace.
        references: float32 [R, D], reference films in the subspace.
        neighbours: the distance is that to this neighbour, 1 for the nearest.
        threshold: a film with a larger distance is unlike the training films.
    """

    mean: Float32Array
    components: Float32Array
    references: Float32Array
    neighbours: int
    threshold: float

    def distances(self, features: Float32Array) -> Float32Array:
        """Return the distance of each film, [N], from pooled features, [N, C]."""
        centred = prepare_features(features) - self.mean
        inside = centred @ self.components
        outside = np.maximum((centred**2).sum(axis=1) - (inside**2).sum(axis=1), 0)
        squares = (inside**2).sum(axis=1)[:, None] + (self.references**2).sum(axis=1) - 2 * inside @ self.references.T
        nearest = np.partition(np.maximum(squares, 0), self.neighbours - 1, axis=1)[:, self.neighbours - 1]
        return np.asarray(np.sqrt(nearest + outside), dtype=np.float32)

    def find_unlike(self, features: Float32Array) -> NDArray[np.bool_]:
        """Return for each film whether it is unlike the training films, [N], from pooled features, [N, C]."""
        return np.asarray(self.distances(features) > self.threshold)


def prepare_features(features: Float32Array) -> Float32Array:
    """Return the square root of features, with their sign, at length 1 for each film: [N, C] -> [N, C]."""
    roots = np.sign(features) * np.sqrt(np.abs(features.astype(np.float32)))
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return np.asarray(roots / np.maximum(lengths, 1e-12), dtype=np.float32)


def read_range(path: Path) -> FeatureRange:
    """Read a feature range from ``range.npz``.

    Raises:
        OSError, ValueError, KeyError: when the file is missing or damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        mean, components, references = (file[name].astype(np.float32) for name in ARRAYS)
        return FeatureRange(mean, components, references, int(file["neighbours"]), float(file["threshold"]))


def write_range(path: Path, feature_range: FeatureRange) -> None:
    """Write a feature range to ``range.npz``; arrays are stored as float16."""
    arrays = {name: getattr(feature_range, name).astype(np.float16) for name in ARRAYS}
    np.savez_compressed(path, **arrays, neighbours=feature_range.neighbours, threshold=feature_range.threshold)
