"""Fitting of the gate's two linear rules: for user interfaces and for mirrored films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.arrays import Float32Array
from ml.inference.gate import FRAMED, FRONTAL, Gate, InterfaceRule
from ml.inference.picture_layout import LAYOUT_FEATURES
from ml.training.gate.inputs import GateInputs

INTERFACE_PENALTY = 0.1  # inverse of the L2 penalty
MIRROR_PENALTY = 0.1  # L2 penalty for each film


def fit_interface_rule(gate: Gate, pictures: GateInputs, known: NDArray[np.bool_]) -> InterfaceRule:
    """Fit the rule that tells interfaces from frontal films in any framing; its threshold is not chosen yet.

    Args:
        gate: standardises the inputs.
        pictures: every picture.
        known: those to train on, [N].
    """
    chosen = known & np.isin(pictures.kinds, (FRAMED, FRONTAL))
    layouts = gate.standardise(pictures.inputs[chosen])[:, -LAYOUT_FEATURES:]
    model = LogisticRegression(C=INTERFACE_PENALTY, class_weight="balanced", max_iter=300)
    model.fit(layouts, pictures.kinds[chosen] == FRAMED)
    return InterfaceRule(model.coef_[0].astype(np.float32), float(model.intercept_[0]), 0.0)


def fit_mirror_weights(sides: Float32Array) -> Float32Array:
    """Fit the weights of the mirror rule on frontal films; each of them, mirrored, is a counter-example.

    Ridge regression to 1 and, for the mirrored films, -1: the features change their sign, so the mirrored films need
    not be made.

    Args:
        sides: :func:`ml.inference.mirror.side_features` of films that are the right way round, [N, FEATURES].

    Returns:
        float32 [FEATURES]; the scores of the films have a standard deviation of 1.
    """
    scale = sides.std(axis=0) + 1e-3
    scaled = sides / scale
    products = scaled.T @ scaled + MIRROR_PENALTY * len(sides) * np.eye(sides.shape[1], dtype=np.float32)
    weights = np.linalg.solve(products, scaled.sum(axis=0)) / scale
    return np.asarray(weights / ((sides @ weights).std() + 1e-9), dtype=np.float32)
