"""Thresholds of the gate, and its evidence: decisions on sources and recipes that a gate was not trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array
from ml.inference.gate import CLASSES, FRAMED, FRONTAL, MIRRORED
from ml.model_card.evidence import GateEvidence, GateResult, LeftOutResult
from ml.statistics.estimate import wilson_estimate
from ml.training.gate.data import DRAWN
from ml.training.gate.folds import FAMILIES, HOSPITALS, LeftOutResults
from ml.training.gate.inputs import SEPARATOR, GateInputs

KEPT_SHARE = 0.985  # of the frontal films of the worst left-out source, as published
KEPT_IN_FRAMINGS = 0.98  # of the frontal films in framings, of all left-out sources
NOTED_SHARE = 0.03  # of them, kept with a note, in the worst left-out source
INTERFACE_FALSE_ALARMS = 0.01  # share of left-out frontal films, in all framings, that may show an interface
MIRROR_FALSE_ALARMS, MIRROR_NOTES = 0.0005, 0.01  # shares of left-out frontal films refused as mirrored; and noted
MIN_FILMS = 50  # frontal films of a source; a smaller one sets no threshold
KEPT, NOTED, REFUSED = 0, 1, 2
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the gate and of its rules, see :class:`ml.inference.gate.Gate`."""

    refuse_below: float
    accept_from: float
    interface: float
    mirrored: float
    may_be_mirrored: float


def choose_thresholds(pictures: GateInputs, results: LeftOutResults) -> Thresholds:
    """Choose every threshold on frontal films by gates that were not trained on their source."""
    frontal = pictures.kinds == FRONTAL
    published = frontal & (pictures.recipes == "")
    probabilities = results.by_source[:, CLASSES.index(FRONTAL)]
    sources = [published & (pictures.sources == name) for name in HOSPITALS]
    large = [part for part in sources if part.sum() >= MIN_FILMS]
    measured = frontal & ~np.isnan(results.interface)
    interface = float(np.quantile(results.interface[measured], 1 - INTERFACE_FALSE_ALARMS))
    no_refusal = (_other_kinds(results.by_source) == CLASSES.index(FRAMED)) & (results.interface <= interface)
    refusable = np.where(no_refusal, 1.0, probabilities).astype(np.float32)
    in_framings = frontal & ~published & np.isin(pictures.sources, HOSPITALS)
    refuse_below = min(
        _lowest_quantile(refusable, large, 1 - KEPT_SHARE),
        _lowest_quantile(refusable, [in_framings] if in_framings.any() else large, 1 - KEPT_IN_FRAMINGS),
    )
    accept_from = max(refuse_below, _lowest_quantile(probabilities, large, 1 - KEPT_SHARE + NOTED_SHARE))
    sides = results.sides[frontal & ~np.isnan(results.sides)]
    return Thresholds(
        refuse_below=refuse_below,
        accept_from=accept_from,
        interface=interface,
        mirrored=min(0.0, float(np.quantile(sides, MIRROR_FALSE_ALARMS, method="lower"))),
        may_be_mirrored=min(0.0, float(np.quantile(sides, MIRROR_NOTES, method="lower"))),
    )


def _lowest_quantile(values: Float32Array, parts: list[Mask], share: float) -> float:
    return min(float(np.quantile(values[part], share, method="lower")) for part in parts)


def measure_gate(pictures: GateInputs, results: LeftOutResults, thresholds: Thresholds) -> GateEvidence:
    """Return what left-out gates decide on each kind, source and recipe."""
    by_source = decide_all(results.by_source, results.interface, thresholds)
    by_recipe = decide_all(results.by_recipe, results.interface, thresholds)
    known = ~np.isnan(results.by_source[:, 0])
    decisions = np.where(known, by_source, by_recipe)
    published = pictures.recipes == ""
    drawn = (pictures.sources == DRAWN) & ~np.isnan(results.by_recipe[:, 0])
    kinds = {
        kind: _kind_result(pictures, decisions, part)
        for kind in CLASSES
        if (part := (pictures.kinds == kind) & ((known & published) | drawn)).any()
    }
    left_out = (
        *_results_by_source(pictures, by_source),
        *_results_by_recipe(pictures, by_recipe),
    )
    published_films = (pictures.kinds == FRONTAL) & published & ~np.isnan(results.sides)
    if published_films.any():
        kinds[MIRRORED] = _mirror_result(pictures, results, thresholds, published_films)
    return GateEvidence(thresholds.refuse_below, kinds, thresholds.accept_from, left_out)


def decide_all(probabilities: Float32Array, interface: Float32Array, thresholds: Thresholds) -> NDArray[np.int_]:
    """Return ``KEPT``, ``NOTED`` or ``REFUSED`` for each picture, as the gate decides, [N]."""
    frontal = probabilities[:, CLASSES.index(FRONTAL)]
    shown = (_other_kinds(probabilities) != CLASSES.index(FRAMED)) | (interface > thresholds.interface)
    refused = (frontal < thresholds.refuse_below) & shown
    return np.asarray(np.where(frontal >= thresholds.accept_from, KEPT, np.where(refused, REFUSED, NOTED)))


def _other_kinds(probabilities: Float32Array) -> NDArray[np.intp]:
    """Return the place in ``CLASSES`` of the most probable kind but frontal, [N]."""
    others = np.where(np.array(CLASSES) == FRONTAL, -1.0, np.nan_to_num(probabilities))
    return np.asarray(others.argmax(axis=1))


def _results_by_source(pictures: GateInputs, decisions: NDArray[np.int_]) -> Iterator[LeftOutResult]:
    """Yield results by left-out source: as published for each kind, and frontal films in framings."""
    published = pictures.recipes == ""
    folders = sorted({str(name) for name in pictures.sources if name.startswith("photographs")})
    for source in (*HOSPITALS, *folders):
        of_source = pictures.sources == source
        family = "photographs" if source in folders else "source"
        for kind in CLASSES:
            part = of_source & (pictures.kinds == kind)
            if kind == FRONTAL:
                yield from _result("source", source, kind, decisions, part & published)
                yield from _result("source, in a framing", source, kind, decisions, part & ~published)
            elif part.any():
                yield from _result(family, source, kind, decisions, part)


def _results_by_recipe(pictures: GateInputs, decisions: NDArray[np.int_]) -> Iterator[LeftOutResult]:
    """Yield results by left-out recipe; framings are counted on frontal films that have no other framing."""
    alone = np.array([SEPARATOR not in recipe for recipe in pictures.recipes])
    for family, names in FAMILIES.items():
        for name in names:
            part = pictures.made_by([name])
            if family == "framing":
                part &= alone & (pictures.kinds == FRONTAL)
            for kind in CLASSES:
                yield from _result(family, name, kind, decisions, part & (pictures.kinds == kind))


def _result(family: str, name: str, kind: str, decisions: NDArray[np.int_], part: Mask) -> Iterator[LeftOutResult]:
    count = int(part.sum())
    if count:
        shares = [round(float((decisions[part] == outcome).mean()), 4) for outcome in (KEPT, NOTED)]
        refused = wilson_estimate(int((decisions[part] == REFUSED).sum()), count)
        if refused is not None:
            yield LeftOutResult(family, name, kind, count, shares[0], shares[1], refused)


def _kind_result(pictures: GateInputs, decisions: NDArray[np.int_], part: Mask) -> GateResult:
    return GateResult(
        pictures=int(part.sum()),
        groups=len(np.unique(pictures.groups[part])),
        refused=round(float((decisions[part] == REFUSED).mean()), 4),
        unsure=round(float((decisions[part] == NOTED).mean()), 4),
    )


def _mirror_result(pictures: GateInputs, results: LeftOutResults, thresholds: Thresholds, part: Mask) -> GateResult:
    """Return what the mirror rule decides on films as published; mirroring a film changes the sign of its score."""
    scores = results.sides[part]
    refused = float((-scores < thresholds.mirrored).mean())
    return GateResult(
        pictures=int(part.sum()),
        groups=len(np.unique(pictures.groups[part])),
        refused=round(refused, 4),
        false_alarms=round(float((scores < thresholds.may_be_mirrored).mean()), 4),
        unsure=round(float((-scores < thresholds.may_be_mirrored).mean()) - refused, 4),
    )
