"""Agreement of two readers beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.statistics.estimate import Z_95, Estimate

METHOD = "Fleiss, Cohen & Everitt 1969"


@dataclass(frozen=True, kw_only=True)
class Kappa(Estimate):
    """Cohen's kappa of two readers, -1..1: 1 is perfect agreement, 0 is agreement by chance.

    Attributes:
        agreed: films that both readers put into the same category.
        films: films that both readers have read.
    """

    agreed: int
    films: int


def cohen_kappa(table: Sequence[Sequence[int]], z: float = Z_95) -> Kappa | None:
    """Return Cohen's kappa of two readers (Cohen 1960).

    The interval is the large-sample one of Fleiss, Cohen & Everitt 1969, limited to -1..1. It is too narrow for
    few films, and has no width where both readers agree on every film.

    Args:
        table: films by the first reader's category (rows) and the second reader's (columns), [K, K].
        z: standard normal quantile of the coverage.

    Returns:
        ``None`` where kappa is undefined: without films, or where both put every film into one and the same category.
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
    return Kappa(
        kappa,
        max(-1.0, kappa - half),
        min(1.0, kappa + half),
        n=int(films),
        method=METHOD,
        agreed=int(np.trace(counts)),
        films=int(films),
    )
