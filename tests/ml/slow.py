"""Slow and plain ways to what ml computes fast, for tests to compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.decoding.preprocess import Grey
from ml.inference.gate import BRIGHT_LEVEL, DARK_LEVEL, FRONTAL, SATURATED, TOO_DARK
from ml.inference.lung_crop import MIN_SECOND_LUNG


def two_largest(lungs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every cell takes the largest name among its neighbours until nothing changes."""
    padded = np.zeros((lungs.shape[0] + 2, lungs.shape[1] + 2), dtype=np.int32)
    names = padded[1:-1, 1:-1]
    names[lungs] = np.arange(1, lungs.sum() + 1)
    while True:
        sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        spread = np.maximum.reduce([names, *sides]) * lungs
        if (spread == names).all():
            break
        names[...] = spread
    parts, sizes = np.unique(names[lungs], return_counts=True)
    order = np.argsort(-sizes)[:2]
    kept = [parts[i] for i in order if sizes[i] > MIN_SECOND_LUNG * sizes.max()]
    return np.isin(names, kept) & lungs


def exposure(film: Grey) -> str:
    """By NumPy's own percentiles."""
    darkest, brightest = np.percentile(film, (1, 99))
    if brightest < DARK_LEVEL:
        return TOO_DARK
    return SATURATED if darkest > BRIGHT_LEVEL else FRONTAL
