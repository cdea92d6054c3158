"""How far two readers agree beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of two readers: 1 is perfect agreement, 0 what chance alone gives.

    Attributes:
        value: kappa, at most 1.
        low: lower bound of its 95 % interval.
        high: upper bound.
        agreed: films both call the same.
        films: films both have read.
    """

    value: float
    low: float
    high: float
    agreed: int
    films: int


def cohen_kappa(table: Sequence[Sequence[int]], z: float = 1.959964) -> Kappa | None:
    """Kappa of a table of films, [K, K]: rows are one reader's categories, columns the other's (Cohen 1960).

    The interval is the large-sample one of Fleiss, Cohen & Everitt 1969, cut off at -1 and 1. It is too narrow for
    few films, and has no width at all where every film is called the same by both.

    Returns:
        ``None`` where kappa is undefined: without films, or where both put every film into the same one category.
    """
    counts = np.asarray(table, dtype=float)
    films = counts.sum()
    if not films:
        return None
    share = counts / films
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float(np.trace(share)), float(rows @ columns)
    if np.isclose(expected, 1.0):
        return None
    kappa = (observed - expected) / (1 - expected)
    diagonal = np.diag(share) * (1 - (rows + columns) * (1 - kappa)) ** 2
    beside = share * (columns[:, None] + rows[None, :]) ** 2
    np.fill_diagonal(beside, 0.0)
    spread = diagonal.sum() + (1 - kappa) ** 2 * beside.sum() - (kappa - expected * (1 - kappa)) ** 2
    half = z * float(np.sqrt(max(0.0, spread) / films)) / (1 - expected)
    return Kappa(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), int(np.trace(counts)), int(films))
