"""Collections of labelled films to measure a model on, and the rows of evidence that it gets on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Float64Array
from ml.data.datasets import COVID, NORMAL, PNEUMONIA, SOURCES, FilmRecord, load_source, require_data_dir
from ml.data.duplicates import patient_groups
from ml.data.split_file import TEST, read_split
from ml.data.splits import Split, seed_selection, seed_split
from ml.decoding.preprocess import load
from ml.evaluation.card import evaluation
from ml.inference.bundle import SPLIT, Bundle

Score = Callable[[Sequence[FilmRecord]], Float64Array]

BATCH = 8


@dataclass(frozen=True)
class Collection:
    """Films to measure on, with the patient group of each."""

    name: str
    films: list[FilmRecord]
    groups: list[str]


@dataclass(frozen=True)
class SeedData:
    """The seed's films, parted, and every other film at hand."""

    split: Split
    everything: list[FilmRecord]
    group_of: dict[FilmRecord, str]

    def collect(self, name: str, films: Sequence[FilmRecord]) -> Collection:
        """Name a collection and look up its groups."""
        return Collection(name, list(films), [self.group_of[film] for film in films])


def seed_data(protocol: str = "patient") -> SeedData:
    """Read every source and part the seed's films.

    Raises:
        DataSetError: when the data are not there.
    """
    root = require_data_dir()
    everything = [film for name in SOURCES for film in load_source(name, root)]
    group_of = dict(zip(everything, patient_groups(everything), strict=True))
    films = seed_selection(everything)
    return SeedData(seed_split(films, [group_of[film] for film in films], protocol), everything, group_of)


def test_collection(data: SeedData) -> Collection:
    """The 36 + 36 films that no training and no choice has seen."""
    return data.collect("Test films: the two training sources, patients never seen", data.split.test)


def elsewhere(data: SeedData) -> list[Collection]:
    """Where the seed's network was not trained: more of the same sources, then hospitals it has not seen.

    Films that share a patient or a picture with the training films are left out.
    """
    seen = {data.group_of[film] for film in data.split.train + data.split.validation}
    fresh = [film for film in data.everything if data.group_of[film] not in seen]

    def pick(source: str, finding: str) -> list[FilmRecord]:
        return [film for film in fresh if film.source == source and film.finding == finding]

    hannover, cxnet = pick("covid-19-image-repository", COVID), pick("covid-cxnet", COVID)
    adults, adults_ill = pick("nih-chestxray14", NORMAL), pick("nih-chestxray14", PNEUMONIA)
    test_covid = [film for film in data.split.test if film.label]
    return [
        data.collect("Same two sources, films left over by the draw", data.split.unused),
        data.collect("COVID-19 from Hannover against healthy adults (NIH)", hannover + adults),
        data.collect("COVID-19 from COVID-CXNet against healthy adults (NIH)", cxnet + adults),
        data.collect("COVID-19 test films against adults with pneumonia (NIH)", test_covid + adults_ill),
        data.collect(
            "COVID-19 test films against children with pneumonia (Kermany)",
            test_covid + pick("chest_xray", PNEUMONIA),
        ),
    ]


def scorer(bundle: Bundle) -> Score:
    """A function that scores films with a shipped bundle, the way the worker does."""
    from ml.inference.classifier import Classifier

    classifier = Classifier(bundle, threads=0)

    def score(films: Sequence[FilmRecord]) -> Float64Array:
        scores = []
        for start in range(0, len(films), BATCH):
            pictures = [load(film.path.read_bytes()) for film in films[start : start + BATCH]]
            inputs = np.stack([ready.input for ready in classifier.prepare(pictures)])
            scores.append(classifier.predict(inputs).scores)
        return np.concatenate(scores)

    return score


def shipped_test(bundle: Bundle) -> Collection:
    """The films a bundle's split file keeps for the test.

    Raises:
        DataSetError: when the data are not there.
    """
    kept = {(row["source"], row["file"]) for row in read_split(bundle.path / SPLIT) if row["part"] == TEST}
    root = require_data_dir()
    films = [film for name in SOURCES for film in load_source(name, root) if (name, film.path.name) in kept]
    return Collection("Test films of its split file", films, patient_groups(films))


def collections(bundle: Bundle) -> list[Collection]:
    """What a bundle is measured on: its own test films and, for ``seed-cnn``, other sources."""
    if bundle.name != "seed-cnn":  # trained on every source; what it is worth on others only folds can tell
        return [shipped_test(bundle)]
    data = seed_data(bundle.card["training"]["protocol"])
    return [test_collection(data), *elsewhere(data)]


def measure(collection: Collection, score: Score, threshold: float) -> dict[str, Any]:
    """One row of evidence, see :func:`ml.evaluation.card.evaluation`."""
    return evaluation(collection.name, collection.films, collection.groups, score(collection.films), threshold)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of evidence as plain text, one line each."""
    keys = ("accuracy", "precision", "recall", "specificity", "f1", "auroc")
    lines = [f"{'':66}{'films':>6}" + "".join(f"{key:>12}" for key in keys)]
    lines += [
        f"{row['name'][:65]:66}{row['films']:>6}"
        + "".join(f"{_cell(row['values'][key]['value']):>12}" for key in keys)
        for row in rows
    ]
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
