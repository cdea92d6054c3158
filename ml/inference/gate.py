"""The gate: a linear classifier that refuses pictures which are not upright frontal chest films.

Its inputs are the network's features of the same forward pass and the shape of the lung fields. A refused picture
gets a reason instead of a score. Trained by ``ml.training.gate.train``; NumPy and Pillow only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import codes
from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.errors import Reason
from ml.inference.lung_crop import LungBox
from ml.inference.mirror import MirrorRule

FRONTAL, LATERAL, CT, INVERTED = "frontal", "lateral", "ct", "inverted"
LEFT, RIGHT, UPSIDE_DOWN = "turned_left", "turned_right", "upside_down"
SEVERAL, FRAMED, OTHER = "several", "framed", "other"
MIRRORED = "mirrored"  # found by a separate rule, see ml.inference.mirror
CLASSES = (FRONTAL, LATERAL, CT, INVERTED, LEFT, RIGHT, UPSIDE_DOWN, SEVERAL, FRAMED, OTHER)

TOO_DARK, SATURATED = "too_dark", "saturated"  # found by the grey levels, without a network
DARK_LEVEL, BRIGHT_LEVEL = 40, 215  # grey levels; none of 2,883 films of five sets is as dark or as bright
ROW_STEP = 8  # one of so many rows is checked first, and all rows only if these do not suffice

REFUSALS = {
    LATERAL: codes.LOOKS_LATERAL,
    CT: codes.CT_SLICE,
    INVERTED: codes.INVERTED,
    LEFT: codes.TURNED,
    RIGHT: codes.TURNED,
    UPSIDE_DOWN: codes.UPSIDE_DOWN,
    MIRRORED: codes.MIRRORED,
    SEVERAL: codes.SEVERAL_FILMS,
    FRAMED: codes.SCREENSHOT,
    TOO_DARK: codes.TOO_DARK,
    SATURATED: codes.SATURATED,
    OTHER: codes.NOT_A_CHEST_FILM,
}
SHAPE_FEATURES = 8


@dataclass(frozen=True)
class Gate:
    """A trained gate.

    Attributes:
        weights: float32 [F, K] on standardised inputs.
        bias: float32 [K].
        mean: float32 [F].
        scale: float32 [F].
        threshold: a film whose probability of being frontal is lower is refused.
        mirror: finds mirrored films among the frontal ones, or ``None``.
    """

    weights: Float32Array
    bias: Float32Array
    mean: Float32Array
    scale: Float32Array
    threshold: float
    mirror: MirrorRule | None = None

    def probabilities(self, inputs: Float32Array) -> Float32Array:
        """Return the probability of each of ``CLASSES``: [N, F] -> [N, K]."""
        logits = ((inputs - self.mean) / self.scale) @ self.weights + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)

    def classify(self, inputs: Float32Array, sides: Float32Array) -> list[str]:
        """Return the class of each film: ``frontal`` if the gate accepts it, else the most probable other class.

        Args:
            inputs: :func:`gate_inputs`, [N, F].
            sides: :func:`ml.inference.mirror.side_features` of each film, [N, S].
        """
        probabilities = self.probabilities(inputs)
        frontal = probabilities[:, CLASSES.index(FRONTAL)] >= self.threshold
        others = np.where(np.array(CLASSES) == FRONTAL, -1.0, probabilities)
        kinds = [FRONTAL if ok else CLASSES[k] for ok, k in zip(frontal, others.argmax(axis=1), strict=True)]
        if self.mirror is None:
            return kinds
        flipped = self.mirror.mirrored(sides)
        return [MIRRORED if kind == FRONTAL and turned else kind for kind, turned in zip(kinds, flipped, strict=True)]


def check_exposure(film: Grey) -> str:
    """Return ``too_dark`` or ``saturated``, or ``frontal`` if the exposure is acceptable."""
    if _has_dark_and_bright(film[::ROW_STEP], film.size):
        return FRONTAL
    counts = np.asarray(Image.fromarray(film).histogram())
    darkest, brightest = _percentile(counts, 1), _percentile(counts, 99)
    if brightest < DARK_LEVEL:
        return TOO_DARK
    return SATURATED if darkest > BRIGHT_LEVEL else FRONTAL


def _has_dark_and_bright(rows: Grey, pixels: int) -> bool:
    """Return whether a few rows alone show that a film of so many pixels is neither too dark nor saturated.

    Counting in a few rows takes a twentieth of the time of a full histogram, and is enough for most films.
    """
    enough = pixels * 2 // 100 + 2  # twice the count that moves a percentile of :func:`check_exposure` across a level
    return bool(np.count_nonzero(rows >= DARK_LEVEL) > enough and np.count_nonzero(rows <= BRIGHT_LEVEL) > enough)


def _percentile(counts: NDArray[np.int64], percent: int) -> float:
    """Return a percentile of a histogram of grey levels, interpolated as in ``np.percentile``."""
    below = np.cumsum(counts)
    position = (int(below[-1]) - 1) * (percent / 100)
    whole = int(position)
    low, high = np.searchsorted(below, [whole, min(whole + 1, int(below[-1]) - 1)], side="right")
    part = position - whole
    # From the nearer end, as NumPy does, for the same rounding.
    return float(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))


def refusal(kind: str) -> Reason:
    """Return the reason why a film of this class is not scored."""
    return REFUSALS[kind].reason()


def gate_inputs(features: Float32Array, shapes: Float32Array) -> Float32Array:
    """Concatenate pooled features [N, C] and :func:`lung_shape` [N, S] to the gate's inputs [N, C + S]."""
    return np.concatenate([features, shapes], axis=1).astype(np.float32)


def lung_shape(mask: Float32Array, lungs: NDArray[np.bool_], box: LungBox) -> Float32Array:
    """Measure the lung fields: area, symmetry, fill, proportions, and the certainty of the segmentation.

    Args:
        mask: [64, 64], probability of lung.
        lungs: [64, 64], the mask from :func:`ml.inference.lung_crop.lung_fields`.
        box: the box from :func:`ml.inference.lung_crop.box_around`.

    Returns:
        float32 [SHAPE_FEATURES], each about 0..1.
    """
    columns, rows = np.nonzero(lungs.any(axis=0))[0], np.nonzero(lungs.any(axis=1))[0]
    certainty = float(np.abs(mask - 0.5).mean() * 2)
    if not len(columns):
        return np.array([0, 0, 0, 0, 0, 0, certainty, float(mask.max())], dtype=np.float32)
    width, height = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
    middle = (columns[0] + columns[-1] + 1) // 2
    left, right = float(lungs[:, :middle].mean()), float(lungs[:, middle:].mean())
    balance = min(left, right) / max(left, right, 1e-6)
    filled = lungs.sum() / (width * height)
    return np.array(
        [box.found, box.area, balance, filled, width / height / 2, box.side / max(1.0, box.y), certainty, mask.max()],
        dtype=np.float32,
    )


def read_gate(path: Path) -> Gate:
    """Read a gate from ``gate.npz``.

    Raises:
        OSError, ValueError, KeyError: when the file is missing or damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        mirror = MirrorRule(file["mirror"], float(file["mirror_threshold"])) if "mirror" in file else None
        return Gate(file["weights"], file["bias"], file["mean"], file["scale"], float(file["threshold"]), mirror)


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate to ``gate.npz``."""
    arrays = {name: getattr(gate, name) for name in ("weights", "bias", "mean", "scale", "threshold")}
    if gate.mirror is not None:
        arrays |= {"mirror": gate.mirror.weights, "mirror_threshold": gate.mirror.threshold}
    np.savez_compressed(path, **arrays)
