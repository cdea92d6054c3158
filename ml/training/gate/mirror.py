"""Train the mirror rule on upright frontal films; each is its own counter-example, mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from ml.arrays import Float32Array
from ml.inference.mirror import MirrorRule

FALSE_ALARMS = 0.003  # share of upright films that may be refused, on patients not trained on
STRENGTH = 0.01  # inverse of the L2 penalty
FOLDS = 5


def train_mirror_rule(sides: Float32Array, groups: Sequence[str]) -> tuple[MirrorRule, dict[str, Any]]:
    """Fit the rule, and measure it on patients that it has not seen.

    Args:
        sides: :func:`ml.inference.mirror.side_features` of frontal films that are the right way round, [N, FEATURES].
        groups: the patient of each, [N].

    Returns:
        the rule, and what it refuses: ``pictures``, ``groups``, ``refused`` of mirrored films, ``false_alarms``.
    """
    scores = np.zeros(len(sides), dtype=np.float32)
    for train, test in GroupKFold(FOLDS).split(sides, groups=groups):
        scores[test] = sides[test] @ _fit(sides[train])
    threshold = min(0.0, float(np.quantile(scores, FALSE_ALARMS, method="lower")))
    found = {
        "pictures": len(sides),
        "groups": len(set(groups)),
        "refused": round(float((-scores < threshold).mean()), 4),
        "false_alarms": round(float((scores < threshold).mean()), 4),
    }
    return MirrorRule(_fit(sides), threshold), found


def _fit(sides: Float32Array) -> Float32Array:
    scale = sides.std(axis=0) + 1e-3
    ways = np.repeat([1, -1], len(sides))
    model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=500)
    model.fit(np.concatenate([sides, -sides]) / scale, ways)
    return np.asarray(model.coef_[0] / scale, dtype=np.float32)
