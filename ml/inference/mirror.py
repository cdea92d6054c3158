"""Which side the heart is on: whether a frontal film was mirrored, where that can be told.

The network's pooled features hardly know left from right. What knows is how the two halves of the picture differ:
features that change their sign when the film is mirrored, so that one linear rule without a constant treats both
sides alike. A heart on the right (dextrocardia, about 1 in 12,000 people) looks mirrored too; the reason says so
by "seems".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELLS = 16  # a side, of the network's input and of the lung mask, after averaging
FEATURES = 2 * CELLS * (CELLS // 2)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class MirrorRule:
    """A trained rule.

    Attributes:
        weights: float32 [FEATURES].
        threshold: a film that scores below is taken for mirrored; at most 0.
    """

    weights: Floats
    threshold: float

    def scores(self, sides: Floats) -> Floats:
        """How surely each film is the right way round: [N, FEATURES] -> [N]; a mirrored film has minus that."""
        return np.asarray(sides @ self.weights, dtype=np.float32)

    def mirrored(self, sides: Floats) -> NDArray[np.bool_]:
        """Which films seem mirrored: [N, FEATURES] -> [N]."""
        return np.asarray(self.scores(sides) < self.threshold)


def side_features(seen: Floats, mask: Floats) -> Floats:
    """What differs between the halves of a film: float32 [FEATURES], minus itself for the mirrored film.

    Args:
        seen: what the network takes of the film, [S, S, 1] with S a multiple of ``CELLS``.
        mask: the lung-field network's answer, [M, M] with M a multiple of ``CELLS``.
    """
    return np.concatenate([_odd(seen[..., 0]), _odd(mask)])


def _odd(picture: Floats) -> Floats:
    step = len(picture) // CELLS
    cells = picture.reshape(CELLS, step, CELLS, step).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray((cells - cells[:, ::-1])[:, : CELLS // 2].ravel(), dtype=np.float32)
