"""The mirror rule: it finds frontal films that were mirrored, by the side of the heart.

The network's pooled features hardly distinguish left from right. So the rule takes the difference of the two halves
of the picture: features that change their sign when the film is mirrored, so that a linear rule without a constant
treats both sides alike. A heart on the right (dextrocardia, about 1 in 12,000 people) looks mirrored too; therefore
the reason says "seems". A film on which the side of the heart cannot be told well is scored with a note.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.arrays import Float32Array

CELLS = 16  # cells per side; the input and the lung mask are averaged to this grid
FEATURES = 2 * CELLS * (CELLS // 2)


@dataclass(frozen=True)
class MirrorRule:
    """A trained rule.

    Attributes:
        weights: float32 [FEATURES].
        threshold: a film that scores below it is mirrored; at most 0.
        doubt_below: a film that scores below it may be mirrored; from ``threshold`` to 0.
    """

    weights: Float32Array
    threshold: float
    doubt_below: float

    def scores(self, sides: Float32Array) -> Float32Array:
        """Score how surely each film is not mirrored: [N, FEATURES] -> [N]; mirroring the film changes the sign."""
        return np.asarray(sides @ self.weights, dtype=np.float32)


def side_features(network_input: Float32Array, mask: Float32Array) -> Float32Array:
    """Compute the difference of a film's halves: float32 [FEATURES], negated for the mirrored film.

    Args:
        network_input: of the film, [S, S, 1] with S a multiple of ``CELLS``.
        mask: the lung-field network's output, [M, M] with M a multiple of ``CELLS``.
    """
    return np.concatenate([_odd_part(network_input[..., 0]), _odd_part(mask)])


def _odd_part(picture: Float32Array) -> Float32Array:
    step = len(picture) // CELLS
    cells = picture.reshape(CELLS, step, CELLS, step).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray((cells - cells[:, ::-1])[:, : CELLS // 2].ravel(), dtype=np.float32)
