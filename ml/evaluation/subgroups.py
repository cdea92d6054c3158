"""AUROC by view, sex, age and source; none where a subgroup has too few films."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.data.datasets import FilmRecord
from ml.model_card.evidence import Subgroup
from ml.statistics.metrics import auroc, bootstrap_interval

MIN_FILMS = 10  # films of each class; with fewer the interval spans most of 0..1
AGE_BANDS = ((18, "under 18"), (40, "18 to 39"), (60, "40 to 59"), (80, "60 to 79"), (200, "80 and over"))
CHILDREN = "chest_xray"  # all its patients are 1 to 5 years old, by its publisher


def age_band(film: FilmRecord) -> str:
    """Return the age band of a film's patient, or ``not told``."""
    if film.source == CHILDREN:
        return AGE_BANDS[0][1]
    if film.age is None:
        return "not told"
    return next(name for limit, name in AGE_BANDS if film.age < limit)


def view_of(film: FilmRecord) -> str:
    """Return ``PA``, ``AP`` (supine films included), or ``not told``."""
    return film.view.split()[0] if film.view else "not told"


DIMENSIONS: dict[str, Callable[[FilmRecord], str]] = {
    "view": view_of,
    "sex": lambda film: {"M": "male", "F": "female"}.get(film.sex, "not told"),
    "age": age_band,
}


def evaluate_subgroups(
    films: Sequence[FilmRecord], groups: Sequence[str], scores: Float64Array
) -> tuple[Subgroup, ...]:
    """Return the AUROC, with interval, for each value of each dimension.

    Most sources have one class only, so a source is compared with all films of the other class.

    Args:
        films: [N].
        groups: the patient group of each, [N]; intervals are drawn by group.
        scores: P(COVID-19), [N].
    """
    rows: list[Subgroup] = []
    for dimension, value_of in DIMENSIONS.items():
        values = np.array([value_of(film) for film in films])
        names = np.unique(values)
        rows += [_evaluate(dimension, str(name), values == name, films, groups, scores) for name in names]
    sources = np.array([film.source for film in films])
    labels = np.array([film.label for film in films])
    for source in np.unique(sources):
        own = sources == source
        part = own | (labels != np.round(labels[own].mean()))
        rows.append(_evaluate("source", str(source), part, films, groups, scores))
    return tuple(rows)


def _evaluate(
    dimension: str,
    name: str,
    part: NDArray[np.bool_],
    films: Sequence[FilmRecord],
    groups: Sequence[str],
    scores: Float64Array,
) -> Subgroup:
    labels = np.array([film.label for film in films])[part]
    count, positives = int(part.sum()), int(labels.sum())
    if min(positives, count - positives) < MIN_FILMS:
        return Subgroup(dimension, name, count, positives, None, None, None)
    low, high = bootstrap_interval(auroc, labels, scores[part], list(np.array(groups)[part]))
    value = auroc(labels, scores[part])
    return Subgroup(dimension, name, count, positives, round(value, 4), round(low, 4), round(high, 4))
