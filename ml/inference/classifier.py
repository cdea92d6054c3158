"""The classifier: the only serving code that runs a network. It loads ONNX Runtime; never import it before a fork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml import note_codes
from ml.arrays import Float32Array, Float64Array
from ml.decoding.preprocess import Grey, to_input
from ml.errors import BundleError, NoteCode, Reason
from ml.inference.bundle import GATE, LUNGS, RANGE, Bundle
from ml.inference.feature_range import read_range
from ml.inference.gate import (
    ACCEPTED,
    FRONTAL,
    INVERTED,
    GateDecision,
    check_exposure,
    gate_input,
    read_gate,
    refusal,
)
from ml.inference.heatmap import overlay_png
from ml.inference.lung_crop import CONTEXT, LungBox, box_around, crop, equalise, lung_fields, mask_input
from ml.inference.mirror import side_features
from ml.inference.onnx_runtime import onnxruntime


@dataclass(frozen=True)
class NetworkOutput:
    """The network's output for a stack of inputs.

    Attributes:
        scores: float64 [N], P(COVID-19), calibrated.
        maps: float32 [N, h, w] class activation maps in logits, or ``None`` where the network has none.
        features: float32 [N, C], pooled, or ``None``.
    """

    scores: Float64Array
    maps: Float32Array | None = None
    features: Float32Array | None = None


@dataclass(frozen=True)
class FilmResult:
    """A model's result for one film.

    Attributes:
        score: P(COVID-19), calibrated, 0..1.
        overlay: the class activation map as a PNG to lay over the film, or ``None``.
        notes: corrections made before scoring, and limits of the score.
    """

    score: float
    overlay: bytes | None = None
    notes: tuple[NoteCode, ...] = ()


@dataclass(frozen=True)
class PreparedFilm:
    """The network's input for a film.

    Attributes:
        input: float32 [height, width, channels] in 0..1.
        box: the part of the film that the input shows, or ``None`` for the whole film.
        gate_input: :func:`ml.inference.gate.gate_input`, where the lung network has the output for it.
        sides: :func:`ml.inference.mirror.side_features`, where the film was cropped to the lungs.
    """

    input: Float32Array
    box: LungBox | None = None
    gate_input: Float32Array | None = None
    sides: Float32Array | None = None


class Classifier:
    """A bundle's networks, loaded. One thread by default: throughput scales with the number of processes."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self._network = _session(bundle.graph, threads)
        self._input = _only_input(self._network, bundle)
        self._outputs = [output.name for output in self._network.get_outputs()]
        self._lungs = _session(bundle.path / LUNGS, threads) if bundle.input.kind == "lungs" else None
        self._gate = read_gate(bundle.path / GATE) if (bundle.path / GATE).exists() else None
        self._range = read_range(bundle.path / RANGE) if (bundle.path / RANGE).exists() else None

    def classify(self, films: Sequence[Grey]) -> list[FilmResult | Reason]:
        """Classify working pictures, each network in one pass over all of them. The gate may refuse a film.

        Args:
            films: uint8 [H, W] each, from :func:`ml.decoding.preprocess.load`.

        Returns:
            For each film, in order, its result or the reason why it is not scored.
        """
        if not films:
            return []
        prepared, output = self._run(films)
        decisions = self._decide(films, prepared)
        results: list[FilmResult | Reason] = [
            self._make_result(film, ready, output, index, decision.notes)
            if decision.kind == FRONTAL
            else refusal(decision.kind)
            for index, (film, ready, decision) in enumerate(zip(films, prepared, decisions, strict=True))
        ]
        inverted = [index for index, decision in enumerate(decisions) if decision.kind == INVERTED]
        for index, result in zip(inverted, self._classify_inverted([films[i] for i in inverted]), strict=True):
            results[index] = result
        return results

    def predict(self, inputs: Float32Array) -> NetworkOutput:
        """Run the network once over a stack of inputs, float32 [N, height, width, channels]."""
        outputs = dict(zip(self._outputs, self._network.run(None, {self._input: inputs}), strict=True))
        if "logit" in outputs:
            logits = outputs["logit"].reshape(len(inputs)).astype(np.float64)
        else:  # a network that ends in its own sigmoid
            scores = outputs[self._outputs[0]].reshape(len(inputs)).astype(np.float64)
            return NetworkOutput(scores)
        calibrated = self.bundle.slope * logits + self.bundle.intercept
        return NetworkOutput(1 / (1 + np.exp(-calibrated)), outputs.get("map"), outputs.get("features"))

    def prepare(self, films: Sequence[Grey]) -> list[PreparedFilm]:
        """Convert films to the network's input: cropped to the lungs, or the whole film, as the bundle says."""
        if self._lungs is None:
            return [PreparedFilm(to_input(film, self.bundle.input)) for film in films]
        reduced = np.stack([mask_input(film) for film in films])
        size, (masks, contexts) = self.bundle.input.height, self._find_lungs(reduced)
        return [
            _prepare_lung_crop(film, small, mask, None if contexts is None else contexts[index], size)
            for index, (film, small, mask) in enumerate(zip(films, reduced, masks, strict=True))
        ]

    def masks(self, films: Sequence[Grey]) -> Float32Array:
        """Return the probability of lung, float32 [N, 64, 64], over each film padded to a square.

        Raises:
            BundleError: when the bundle has no network for lung fields.
        """
        return self._find_lungs(np.stack([mask_input(film) for film in films]))[0]

    def _find_lungs(self, reduced: Float32Array) -> tuple[Float32Array, Float32Array | None]:
        """Return masks [N, 64, 64] and, where the network has them, pooled features of the whole film [N, C]."""
        if self._lungs is None:
            raise BundleError(f"{self.bundle.name} finds no lung fields")
        names = [output.name for output in self._lungs.get_outputs()]
        outputs = self._lungs.run(None, {self._lungs.get_inputs()[0].name: reduced})
        masks = np.asarray(outputs[0], dtype=np.float32)
        masks = masks.reshape(len(reduced), *masks.shape[1:3])
        return masks, outputs[names.index(CONTEXT)] if CONTEXT in names else None

    def _run(self, films: Sequence[Grey]) -> tuple[list[PreparedFilm], NetworkOutput]:
        prepared = self.prepare(films)
        return prepared, self.predict(np.stack([ready.input for ready in prepared]))

    def _decide(self, films: Sequence[Grey], prepared: Sequence[PreparedFilm]) -> list[GateDecision]:
        """Return what the gate decides on each film, which is checked for its exposure first."""
        if self._gate is None:
            return [ACCEPTED] * len(prepared)
        inputs = [ready.gate_input for ready in prepared if ready.gate_input is not None]
        sides = [ready.sides for ready in prepared if ready.sides is not None]
        if len(inputs) != len(prepared):
            raise BundleError(f"the lung network of {self.bundle.name} has no output {CONTEXT!r} for the gate")
        return [
            decision if (exposure := check_exposure(film)) == FRONTAL else GateDecision(exposure)
            for film, decision in zip(films, self._gate.decide(np.stack(inputs), np.stack(sides)), strict=True)
        ]

    def _make_result(
        self, film: Grey, ready: PreparedFilm, output: NetworkOutput, index: int, notes: tuple[NoteCode, ...] = ()
    ) -> FilmResult:
        overlay = None
        if output.maps is not None and ready.box is not None:
            overlay = overlay_png(output.maps[index], ready.box, (film.shape[0], film.shape[1]))
        return FilmResult(float(output.scores[index]), overlay, (*notes, *self._find_notes(output, index)))

    def _find_notes(self, output: NetworkOutput, index: int) -> tuple[NoteCode, ...]:
        if self._range is None or output.features is None:
            return ()
        unlike = self._range.find_unlike(output.features[index : index + 1])[0]
        return (note_codes.UNLIKE_TRAINING,) if unlike else ()

    def _classify_inverted(self, films: Sequence[Grey]) -> list[FilmResult | Reason]:
        """Swap black and white of films that look inverted, classify them again, refuse those not frontal then."""
        if not films:
            return []
        corrected = [255 - film for film in films]
        prepared, output = self._run(corrected)
        decisions = self._decide(corrected, prepared)
        return [
            self._make_result(film, ready, output, index, (note_codes.INVERTED, *decision.notes))
            if decision.kind == FRONTAL
            else refusal(INVERTED)
            for index, (film, ready, decision) in enumerate(zip(corrected, prepared, decisions, strict=True))
        ]


def _prepare_lung_crop(
    film: Grey, reduced: Float32Array, mask: Float32Array, context: Float32Array | None, size: int
) -> PreparedFilm:
    lungs = lung_fields(mask)
    box = box_around(lungs, (film.shape[0], film.shape[1]))
    network_input = equalise(crop(film, box, size))[..., None]
    sides = side_features(network_input, mask)
    if context is None:
        return PreparedFilm(network_input, box, None, sides)
    return PreparedFilm(network_input, box, gate_input(film, reduced, mask, lungs, box, context), sides)


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
