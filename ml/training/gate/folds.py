"""Folds of the gate: each leaves out one hospital or web site and, with it, recipes and folders that no fold shares.

A gate is used on hospitals, programs and photographs that it was not trained on; its evidence leaves out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array
from ml.inference.gate import CLASSES, FRONTAL
from ml.training.gate.data import COHEN, HANNOVER, WEB_SITES
from ml.training.gate.drawings import BODY_PARTS, CROP, DOCUMENTS, GRAPHICS
from ml.training.gate.framings import FRAMINGS
from ml.training.gate.inputs import GateInputs
from ml.training.gate.interfaces import INTERFACES
from ml.training.gate.network import fit_gate
from ml.training.gate.rules import fit_interface_rule, fit_mirror_weights

HOSPITALS = (*WEB_SITES, COHEN, HANNOVER, "nih-chestxray14", "chest_xray", "covid-cxnet")
FAMILIES = {
    "framing": tuple(FRAMINGS),
    "interface": tuple(INTERFACES),
    "document or drawing": (*DOCUMENTS, *GRAPHICS),
    "other body part": (*BODY_PARTS, CROP),
}


@dataclass(frozen=True)
class GateFold:
    """Sources and recipes that one gate is not trained on."""

    sources: frozenset[str]
    recipes: frozenset[str]


@dataclass(frozen=True)
class LeftOutResults:
    """Results on each picture by gates that were not trained on its source or its recipe.

    Attributes:
        by_source: float32 [N, K], probabilities by the gate without the picture's source; NaN where no gate is.
        by_recipe: the same by the gates without one of its recipes, averaged.
        interface: float32 [N], score of the interface rule without the picture's recipe or source.
        sides: float32 [N], score of the mirror rule without the picture's source.
    """

    by_source: Float32Array
    by_recipe: Float32Array
    interface: Float32Array
    sides: Float32Array


def gate_folds(sources: NDArray[np.str_]) -> list[GateFold]:
    """Return the folds: one for each hospital; recipes and folders of photographs are dealt out to them."""
    folders = sorted({str(name) for name in sources if name.startswith("photographs")})
    count = len(HOSPITALS)
    return [
        GateFold(
            frozenset((hospital, *folders[index::count])),
            frozenset(name for family in FAMILIES.values() for name in family[index::count]),
        )
        for index, hospital in enumerate(HOSPITALS)
    ]


def cross_validate(pictures: GateInputs, folds: Sequence[GateFold]) -> LeftOutResults:
    """Train one gate for each fold, and apply it to what the fold leaves out."""
    count = len(pictures.kinds)
    by_source = np.full((count, len(CLASSES)), np.nan, dtype=np.float32)
    sums, gates = np.zeros((count, len(CLASSES)), dtype=np.float32), np.zeros(count)
    interface, sides = np.full(count, np.nan, dtype=np.float32), np.full(count, np.nan, dtype=np.float32)
    for fold in folds:
        of_source = np.isin(pictures.sources, list(fold.sources))
        of_recipe = pictures.made_by(fold.recipes)
        known = ~of_source & ~of_recipe
        gate = fit_gate(pictures.inputs[known], pictures.kinds[known], pictures.sources[known])
        by_source[of_source] = gate.probabilities(pictures.inputs[of_source])
        sums[of_recipe] += gate.probabilities(pictures.inputs[of_recipe])
        gates[of_recipe] += 1
        rule = fit_interface_rule(gate, pictures, known)
        for part in (of_source, of_recipe):
            interface[part] = rule.scores(gate.standardise(pictures.inputs[part]))
        upright = pictures.kinds == FRONTAL
        sides[of_source] = pictures.sides[of_source] @ fit_mirror_weights(pictures.sides[known & upright])
    with np.errstate(invalid="ignore", divide="ignore"):
        return LeftOutResults(by_source, np.asarray(sums / gates[:, None], dtype=np.float32), interface, sides)
