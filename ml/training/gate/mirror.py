"""Training of the mirror rule on upright frontal films; each of them, mirrored, is a counter-example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from ml.arrays import Float32Array
from ml.inference.mirror import MirrorRule
from ml.model_card.evidence import GateResult

MAX_FALSE_ALARMS = 0.003  # share of upright films that may be refused, on patients not trained on
INVERSE_PENALTY = 0.01  # of the L2 penalty
FOLDS = 5


def train_mirror_rule(sides: Float32Array, groups: Sequence[str]) -> tuple[MirrorRule, GateResult]:
    """Fit the rule, and measure it on patients not trained on.

    Args:
        sides: :func:`ml.inference.mirror.side_features` of frontal films that are the right way round, [N, FEATURES].
        groups: the patient of each, [N].

    Returns:
        the rule, the share of mirrored films that it refuses, and its false alarms.
    """
    scores = np.zeros(len(sides), dtype=np.float32)
    for train, test in GroupKFold(FOLDS).split(sides, groups=groups):
        scores[test] = sides[test] @ _fit(sides[train])
    threshold = min(0.0, float(np.quantile(scores, MAX_FALSE_ALARMS, method="lower")))
    result = GateResult(
        pictures=len(sides),
        groups=len(set(groups)),
        refused=round(float((-scores < threshold).mean()), 4),
        false_alarms=round(float((scores < threshold).mean()), 4),
    )
    return MirrorRule(_fit(sides), threshold), result


def _fit(sides: Float32Array) -> Float32Array:
    scale = sides.std(axis=0) + 1e-3
    labels = np.repeat([1, -1], len(sides))
    model = LogisticRegression(C=INVERSE_PENALTY, fit_intercept=False, max_iter=500)
    model.fit(np.concatenate([sides, -sides]) / scale, labels)
    return np.asarray(model.coef_[0] / scale, dtype=np.float32)
