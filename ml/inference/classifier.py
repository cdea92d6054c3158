"""The only serving code that runs a network. Loads ONNX Runtime; never import it before a fork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.decoding.preprocess import Grey, to_input
from ml.errors import BundleError, Reason
from ml.inference.bundle import GATE, LUNGS, Bundle
from ml.inference.gate import FRONTAL, INVERTED, exposure, gate_inputs, lung_shape, read_gate, refusal
from ml.inference.heatmap import overlay_png
from ml.inference.lung_crop import LungBox, box_around, crop, equalise, lung_fields, mask_input
from ml.inference.mirror import side_features
from ml.inference.onnx_runtime import onnxruntime

Floats = NDArray[np.float32]

NOTE_INVERTED = "inverted"  # black and white were exchanged in the file and have been put right


@dataclass(frozen=True)
class Output:
    """What the network said of a stack of inputs.

    Attributes:
        scores: float64 [N], P(COVID-19), calibrated.
        maps: float32 [N, h, w] class activation maps in logits, or ``None`` where the network has none.
        features: float32 [N, C], pooled, or ``None``.
    """

    scores: NDArray[np.float64]
    maps: Floats | None = None
    features: Floats | None = None


@dataclass(frozen=True)
class Finding:
    """What a model says of one film.

    Attributes:
        score: P(COVID-19), calibrated, 0..1.
        overlay: the class activation map as a PNG to lay over the film, or ``None``.
        notes: what was put right before, by stable code.
    """

    score: float
    overlay: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A film as the network takes it, and where in the film that is."""

    input: Floats
    box: LungBox | None = None
    shape: Floats | None = None
    sides: Floats | None = None


class Classifier:
    """A bundle's networks, ready to run on one thread (processes are what scales here)."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self._network = _session(bundle.graph, threads)
        self._input = _only_input(self._network, bundle)
        self._outputs = [output.name for output in self._network.get_outputs()]
        self._lungs = _session(bundle.path / LUNGS, threads) if bundle.input.kind == "lungs" else None
        self._gate = read_gate(bundle.path / GATE) if (bundle.path / GATE).exists() else None

    def classify(self, films: Sequence[Grey]) -> list[Finding | Reason]:
        """Judge working pictures: the gate first, then the score. One pass of each network over all of them.

        Args:
            films: uint8 [H, W] each, as :func:`ml.decoding.preprocess.load` gives them.

        Returns:
            for each film, in order, a finding or the reason it is not scored.
        """
        if not films:
            return []
        prepared, output = self._run(films)
        kinds = [
            kind if self._gate is None or (seen := exposure(film)) == FRONTAL else seen
            for film, kind in zip(films, self._kinds(prepared, output), strict=True)
        ]
        results: list[Finding | Reason] = [
            self._finding(film, ready, output, index) if kind == FRONTAL else refusal(kind)
            for index, (film, ready, kind) in enumerate(zip(films, prepared, kinds, strict=True))
        ]
        inverted = [index for index, kind in enumerate(kinds) if kind == INVERTED]
        for index, result in zip(inverted, self._put_right([films[i] for i in inverted]), strict=True):
            results[index] = result
        return results

    def predict(self, inputs: Floats) -> Output:
        """Run the network once over a stack of inputs, float32 [N, height, width, channels]."""
        answer = dict(zip(self._outputs, self._network.run(None, {self._input: inputs}), strict=True))
        if "logit" in answer:
            logits = answer["logit"].reshape(len(inputs)).astype(np.float64)
        else:  # a network that ends in its own sigmoid
            scores = answer[self._outputs[0]].reshape(len(inputs)).astype(np.float64)
            return Output(scores)
        calibrated = self.bundle.slope * logits + self.bundle.intercept
        return Output(1 / (1 + np.exp(-calibrated)), answer.get("map"), answer.get("features"))

    def prepare(self, films: Sequence[Grey]) -> list[Prepared]:
        """Make each film what the network takes, cutting the lungs out where it wants that."""
        if self._lungs is None:
            return [Prepared(to_input(film, self.bundle.input)) for film in films]
        size = self.bundle.input.height
        return [_cut_out(film, mask, size) for film, mask in zip(films, self.masks(films), strict=True)]

    def masks(self, films: Sequence[Grey]) -> Floats:
        """Probability of lung, float32 [N, 64, 64] over each film padded to a square.

        Raises:
            BundleError: when the bundle finds no lung fields.
        """
        if self._lungs is None:
            raise BundleError(f"{self.bundle.name} finds no lung fields")
        given = np.stack([mask_input(film) for film in films])
        masks = self._lungs.run(None, {self._lungs.get_inputs()[0].name: given})[0]
        return np.asarray(masks, dtype=np.float32).reshape(len(films), *masks.shape[1:3])

    def gate_inputs(self, films: Sequence[Grey]) -> Floats:
        """What the gate looks at, [N, F]; for training it.

        Raises:
            BundleError: when the network gives no features.
        """
        return self._gate_inputs(*self._run(films))

    def _run(self, films: Sequence[Grey]) -> tuple[list[Prepared], Output]:
        prepared = self.prepare(films)
        return prepared, self.predict(np.stack([ready.input for ready in prepared]))

    def _gate_inputs(self, prepared: Sequence[Prepared], output: Output) -> Floats:
        shapes = [ready.shape for ready in prepared if ready.shape is not None]
        if output.features is None or len(shapes) != len(prepared):
            raise BundleError(f"{self.bundle.name} gives no features for a gate")
        return gate_inputs(output.features, np.stack(shapes))

    def _kinds(self, prepared: Sequence[Prepared], output: Output) -> list[str]:
        if self._gate is None:
            return [FRONTAL] * len(prepared)
        sides = np.stack([ready.sides for ready in prepared if ready.sides is not None])
        return self._gate.judge(self._gate_inputs(prepared, output), sides)

    def _finding(
        self, film: Grey, ready: Prepared, output: Output, index: int, notes: tuple[str, ...] = ()
    ) -> Finding:
        overlay = None
        if output.maps is not None and ready.box is not None:
            overlay = overlay_png(output.maps[index], ready.box, (film.shape[0], film.shape[1]))
        return Finding(float(output.scores[index]), overlay, notes)

    def _put_right(self, films: Sequence[Grey]) -> list[Finding | Reason]:
        """Films that look inverted, turned back; a second pass, and only then a refusal."""
        if not films:
            return []
        righted = [255 - film for film in films]
        prepared, output = self._run(righted)
        return [
            self._finding(film, ready, output, index, (NOTE_INVERTED,)) if kind == FRONTAL else refusal(INVERTED)
            for index, (film, ready, kind) in enumerate(
                zip(righted, prepared, self._kinds(prepared, output), strict=True)
            )
        ]


def _cut_out(film: Grey, mask: Floats, size: int) -> Prepared:
    lungs = lung_fields(mask)
    box = box_around(lungs, (film.shape[0], film.shape[1]))
    seen = equalise(crop(film, box, size))[..., None]
    return Prepared(seen, box, lung_shape(mask, lungs, box), side_features(seen, mask))


def _session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _only_input(session: onnxruntime.InferenceSession, bundle: Bundle) -> str:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise BundleError(f"{bundle.name} wants {len(inputs)} inputs; a film is one.")
    return str(inputs[0].name)
