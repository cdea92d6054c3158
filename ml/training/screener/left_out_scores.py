"""Logits of films from hospitals left out of the training, which :mod:`ml.training.screener.folds` wrote.

A fold's network is merged from several seeds, as the one that is served.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.errors import BundleError
from ml.statistics.conformal import HospitalScores
from ml.training.screener.films import CXNET, HANNOVER, KERMANY, NIH, Films, folds

MIN_FILMS = 10  # of one class at one hospital; fewer are left out
SCORES = "scores.csv"
JOURNALS = "Journals and others"
SITES = {"radiopaedia.org": "Radiopaedia", "www.eurorad.org": "Eurorad"}
SOURCE_NAMES = {HANNOVER: "Hannover", CXNET: "COVID-CXNet", NIH: "NIH", KERMANY: "Guangzhou, children"}


@dataclass(frozen=True)
class LeftOutFilms:
    """The films of one class at one hospital, with the logits of each network that was not trained on it.

    Attributes:
        films: indices of the films, for each network, [N] each.
        logits: their logits, for each network, [N] each.
        groups: the patient group of every film of the collection, [all].
    """

    films: tuple[NDArray[np.intp], ...]
    logits: tuple[Float64Array, ...]
    groups: NDArray[np.str_]

    @property
    def scores(self) -> HospitalScores:
        """Return the logits and the number of patients."""
        return HospitalScores(self.logits, len(np.unique(self.groups[np.concatenate(self.films)])))

    @property
    def count(self) -> int:
        """Return the number of different films."""
        return len(np.unique(np.concatenate(self.films)))


@dataclass(frozen=True)
class LeftOutScores:
    """The films of all hospitals: of each class, by hospital."""

    without_covid: dict[str, LeftOutFilms]
    with_covid: dict[str, LeftOutFilms]

    @property
    def hospitals(self) -> list[str]:
        """Return the names of the hospitals."""
        return sorted({*self.without_covid, *self.with_covid})

    def cells(self) -> Iterator[tuple[str, int, LeftOutFilms]]:
        """Iterate over hospital, label and films."""
        for label, by_hospital in enumerate((self.without_covid, self.with_covid)):
            for name, cell in by_hospital.items():
                yield name, label, cell


def hospital_names(films: Films) -> NDArray[np.str_]:
    """Return the hospital or collection of each film, [N]; that of Cohen et al. counts by web site."""
    return np.array([
        SOURCE_NAMES.get(source) or SITES.get(site, JOURNALS)
        for source, site in zip(films.sources, films.sites, strict=True)
    ])  # fmt: skip


def read_left_out_scores(films: Films, runs: Path) -> LeftOutScores:
    """Read the logits of every trained fold.

    Args:
        films: every film.
        runs: folder of the trained folds, with ``FOLD/scores.csv``.

    Raises:
        BundleError: when a fold was not trained.
    """
    names, labels = hospital_names(films), films.labels
    found: dict[tuple[int, str], list[tuple[NDArray[np.intp], Float64Array]]] = {}
    for fold in folds(films):
        path = runs / fold / SCORES
        if not path.exists():
            raise BundleError(
                f"fold {fold} is not trained; run `python -m ml.training.screener.folds --folds {fold}`"
            )
        logits = read_logits(films, path)
        tested = ~np.isnan(logits)
        for label in (0, 1):
            for name in np.unique(names[tested & (labels == label)]):
                chosen = np.nonzero(tested & (labels == label) & (names == name))[0]
                found.setdefault((label, str(name)), []).append((chosen, logits[chosen]))
    return LeftOutScores(*(_cells(found, label, films.groups) for label in (0, 1)))


def read_logits(films: Films, path: Path) -> Float64Array:
    """Return a fold's logits in the order of the films, NaN where a film was not tested: [N]."""
    with path.open(newline="") as file:
        known = {(row["source"], row["file"]): float(row["logit"]) for row in csv.DictReader(file)}
    return np.array([known.get((film.source, film.path.name), np.nan) for film in films.records])


def _cells(
    found: dict[tuple[int, str], list[tuple[NDArray[np.intp], Float64Array]]], label: int, groups: NDArray[np.str_]
) -> dict[str, LeftOutFilms]:
    cells = {
        name: LeftOutFilms(tuple(films for films, _ in parts), tuple(logits for _, logits in parts), groups)
        for (of_label, name), parts in found.items()
        if of_label == label
    }
    return {name: cell for name, cell in cells.items() if cell.count >= MIN_FILMS}
