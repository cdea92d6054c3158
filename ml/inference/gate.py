"""The gate: a small classifier that refuses pictures which are clearly no upright frontal chest films.

Its inputs describe the whole picture: pooled features of the lung network, the lung fields, and the layout of the
picture. They do not depend on the weights of the network that scores. A picture that is clearly something else gets
a reason instead of a score; where the gate is not sure, the film is scored with a note that flags it for review. It
is trained by ``ml.training.gate.train``; NumPy and Pillow only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import codes, note_codes
from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.errors import NoteCode, Reason
from ml.inference.lung_crop import CONTEXT_FEATURES, MASK_SIDE, LungBox
from ml.inference.mirror import MirrorRule
from ml.inference.picture_layout import LAYOUT_FEATURES, layout_features

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
MASK_CELLS = 16  # cells per side; the lung mask is averaged to this grid
INPUTS = CONTEXT_FEATURES + MASK_CELLS**2 + SHAPE_FEATURES + LAYOUT_FEATURES
MAX_DEVIATION = 6.0  # standard deviations; an input farther from its mean counts as so far away


@dataclass(frozen=True)
class GateDecision:
    """The gate's decision on a film.

    Attributes:
        kind: ``frontal`` if the film is scored, else what it is refused as.
        notes: on a film that is scored.
    """

    kind: str
    notes: tuple[NoteCode, ...] = ()


ACCEPTED = GateDecision(FRONTAL)
UNSURE = GateDecision(FRONTAL, (note_codes.GATE_UNSURE,))


@dataclass(frozen=True)
class InterfaceRule:
    """A linear rule on the layout of a picture: positive evidence for a user interface.

    Attributes:
        weights: float32 [LAYOUT_FEATURES], on standardised inputs.
        bias: the constant.
        threshold: a picture that scores higher shows an interface.
    """

    weights: Float32Array
    bias: float
    threshold: float

    def scores(self, inputs: Float32Array) -> Float32Array:
        """Score how surely each picture shows an interface: standardised inputs of the gate, [N, F] -> [N]."""
        return np.asarray(inputs[:, -LAYOUT_FEATURES:] @ self.weights + self.bias, dtype=np.float32)


@dataclass(frozen=True)
class Gate:
    """A trained gate: a network with one hidden layer, and two rules.

    Attributes:
        mean: float32 [F], of the inputs.
        scale: float32 [F], their standard deviation.
        hidden: float32 [F, H], weights of the hidden layer.
        hidden_bias: float32 [H].
        weights: float32 [H, K], weights of the classes.
        bias: float32 [K].
        refuse_below: a picture whose probability of being a frontal film is lower is refused.
        accept_from: a film with this probability or a higher one is scored without a note.
        interface: finds user interfaces; a picture without one is not refused as a screenshot. ``None``: refused
            without this evidence.
        mirror: finds mirrored films among the frontal ones, or ``None``.
    """

    mean: Float32Array
    scale: Float32Array
    hidden: Float32Array
    hidden_bias: Float32Array
    weights: Float32Array
    bias: Float32Array
    refuse_below: float
    accept_from: float
    interface: InterfaceRule | None = None
    mirror: MirrorRule | None = None

    def standardise(self, inputs: Float32Array) -> Float32Array:
        """Return inputs with mean 0 and deviation 1 over the training pictures, limited: [N, F] -> [N, F]."""
        limited = np.clip((inputs - self.mean) / self.scale, -MAX_DEVIATION, MAX_DEVIATION)
        return np.asarray(limited, dtype=np.float32)

    def probabilities(self, inputs: Float32Array) -> Float32Array:
        """Return the probability of each of ``CLASSES``: [N, F] -> [N, K]."""
        hidden = np.maximum(self.standardise(inputs) @ self.hidden + self.hidden_bias, 0)
        logits = hidden @ self.weights + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)

    def decide(self, inputs: Float32Array, sides: Float32Array) -> list[GateDecision]:
        """Decide on each film.

        Args:
            inputs: :func:`gate_input` of each film, [N, F].
            sides: :func:`ml.inference.mirror.side_features` of each film, [N, S].
        """
        probabilities = self.probabilities(inputs)
        others = np.where(np.array(CLASSES) == FRONTAL, -1.0, probabilities).argmax(axis=1)
        frontal = probabilities[:, CLASSES.index(FRONTAL)]
        interfaces = np.ones(len(inputs), dtype=bool)
        if self.interface is not None:
            interfaces = self.interface.scores(self.standardise(inputs)) > self.interface.threshold
        decisions = [
            self._decide_one(float(share), CLASSES[other], bool(shown))
            for share, other, shown in zip(frontal, others, interfaces, strict=True)
        ]
        return decisions if self.mirror is None else _check_sides(decisions, self.mirror, sides)

    def _decide_one(self, share: float, other: str, shows_interface: bool) -> GateDecision:
        """Decide by the probability of a frontal film and by the most probable other kind."""
        if share >= self.accept_from:
            return ACCEPTED
        if share >= self.refuse_below or (other == FRAMED and not shows_interface):
            return UNSURE
        return GateDecision(other)


def _check_sides(decisions: list[GateDecision], rule: MirrorRule, sides: Float32Array) -> list[GateDecision]:
    """Refuse films that are clearly mirrored, and note those that may be."""
    checked = []
    for decision, score in zip(decisions, rule.scores(sides), strict=True):
        if decision.kind != FRONTAL or score >= rule.doubt_below:
            checked.append(decision)
        elif score < rule.threshold:
            checked.append(GateDecision(MIRRORED))
        else:
            checked.append(GateDecision(FRONTAL, (*decision.notes, note_codes.MAY_BE_MIRRORED)))
    return checked


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


def gate_input(
    film: Grey,
    reduced: Float32Array,
    mask: Float32Array,
    lungs: NDArray[np.bool_],
    box: LungBox,
    context: Float32Array,
) -> Float32Array:
    """Concatenate what the gate knows of a film, float32 [INPUTS].

    Args:
        film: the working picture, uint8 [H, W].
        reduced: :func:`ml.inference.lung_crop.mask_input` of it.
        mask: [64, 64], probability of lung.
        lungs: [64, 64], the mask from :func:`ml.inference.lung_crop.lung_fields`.
        box: the box from :func:`ml.inference.lung_crop.box_around`.
        context: the second output of the lung network, [CONTEXT_FEATURES].
    """
    step = MASK_SIDE // MASK_CELLS
    cells = mask.reshape(MASK_CELLS, step, MASK_CELLS, step).mean(axis=(1, 3), dtype=np.float32)
    parts = (context, cells.ravel(), lung_shape(mask, lungs, box), layout_features(film, reduced))
    return np.concatenate(parts).astype(np.float32)


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


ARRAYS = ("mean", "scale", "hidden", "hidden_bias", "weights", "bias")


def read_gate(path: Path) -> Gate:
    """Read a gate from ``gate.npz``.

    Raises:
        OSError, ValueError, KeyError: when the file is missing, damaged, or of an earlier version of this software.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name].astype(np.float32) for name in ARRAYS}
        interface, mirror = None, None
        if "interface" in file:
            interface = InterfaceRule(file["interface"], *(float(value) for value in file["interface_constants"]))
        if "mirror" in file:
            mirror = MirrorRule(file["mirror"], *(float(value) for value in file["mirror_thresholds"]))
        refuse_below, accept_from = (float(value) for value in file["thresholds"])
    return Gate(**arrays, refuse_below=refuse_below, accept_from=accept_from, interface=interface, mirror=mirror)


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate to ``gate.npz``; the weights of the hidden layer are stored as float16."""
    arrays: dict[str, Any] = {name: getattr(gate, name) for name in ARRAYS}
    arrays["hidden"] = gate.hidden.astype(np.float16)
    arrays["thresholds"] = np.array([gate.refuse_below, gate.accept_from])
    if gate.interface is not None:
        arrays["interface"] = gate.interface.weights
        arrays["interface_constants"] = np.array([gate.interface.bias, gate.interface.threshold])
    if gate.mirror is not None:
        arrays["mirror"] = gate.mirror.weights
        arrays["mirror_thresholds"] = np.array([gate.mirror.threshold, gate.mirror.doubt_below])
    np.savez_compressed(path, **arrays)
