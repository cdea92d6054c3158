"""A model's AUROC by view, sex, age and source, with "too few" where a number would mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.data.datasets import FilmRecord
from ml.statistics.metrics import auroc, bootstrap_interval

FEWEST = 10  # films of each class; with fewer the interval spans most of 0..1
AGE_BANDS = ((18, "under 18"), (40, "18 to 39"), (60, "40 to 59"), (80, "60 to 79"), (200, "80 and over"))
CHILDREN = "chest_xray"  # all its patients are 1 to 5 years old, by its publisher


def age_band(film: FilmRecord) -> str:
    """The age band of a film's patient, or ``not told``."""
    if film.source == CHILDREN:
        return AGE_BANDS[0][1]
    if film.age is None:
        return "not told"
    return next(name for limit, name in AGE_BANDS if film.age < limit)


def view_of(film: FilmRecord) -> str:
    """``PA``, ``AP`` (lying films included), or ``not told``."""
    return film.view.split()[0] if film.view else "not told"


DIMENSIONS: dict[str, Callable[[FilmRecord], str]] = {
    "view": view_of,
    "sex": lambda film: {"M": "male", "F": "female"}.get(film.sex, "not told"),
    "age": age_band,
}


def by_subgroup(films: Sequence[FilmRecord], groups: Sequence[str], scores: Float64Array) -> list[dict[str, Any]]:
    """One row for each value of each dimension: films, COVID-19 films, AUROC with interval or ``None``.

    Sources have one class each, for the most part, so a source is set against all films of the other class.

    Args:
        films: [N].
        groups: patient group of each; intervals are drawn by it.
        scores: [N].
    """
    rows = []
    for dimension, value_of in DIMENSIONS.items():
        values = np.array([value_of(film) for film in films])
        rows += [_row(dimension, str(v), values == v, films, groups, scores) for v in np.unique(values)]
    sources = np.array([film.source for film in films])
    labels = np.array([film.label for film in films])
    for source in np.unique(sources):
        mine = sources == source
        part = mine | (labels != np.round(labels[mine].mean()))
        rows.append(_row("source", str(source), part, films, groups, scores))
    return rows


def _row(
    dimension: str,
    name: str,
    part: NDArray[np.bool_],
    films: Sequence[FilmRecord],
    groups: Sequence[str],
    scores: Float64Array,
) -> dict[str, Any]:
    labels = np.array([film.label for film in films])[part]
    row: dict[str, Any] = {
        "dimension": dimension,
        "name": name,
        "films": int(part.sum()),
        "positives": int(labels.sum()),
        "auroc": None,
        "low": None,
        "high": None,
    }
    if min(labels.sum(), (1 - labels).sum()) < FEWEST:
        return row
    low, high = bootstrap_interval(auroc, labels, scores[part], list(np.array(groups)[part]))
    return row | {"auroc": round(auroc(labels, scores[part]), 4), "low": round(low, 4), "high": round(high, 4)}
