"""Collections of labelled films that a model is measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.arrays import Float64Array
from ml.data.datasets import COVID, NORMAL, PNEUMONIA, SOURCES, FilmRecord, load_source, require_data_dir
from ml.data.duplicates import patient_groups
from ml.data.split_file import TEST, read_split
from ml.data.splits import Split, seed_selection, seed_split
from ml.decoding.preprocess import load
from ml.evaluation.measurement import evaluate_scores
from ml.inference.bundle import SPLIT, Bundle
from ml.model_card.evidence import Evaluation

ScoreFunction = Callable[[Sequence[FilmRecord]], Float64Array]

BATCH = 8
PRINTED = ("accuracy", "precision", "recall", "specificity", "f1", "auroc")


@dataclass(frozen=True)
class Collection:
    """Films to measure on, with the patient group of each."""

    name: str
    films: list[FilmRecord]
    groups: list[str]


@dataclass(frozen=True)
class SeedData:
    """The films of the educational project, split, and every other film at hand."""

    split: Split
    everything: list[FilmRecord]
    group_of: dict[FilmRecord, str]

    def collection(self, name: str, films: Sequence[FilmRecord]) -> Collection:
        """Return a named collection with the patient groups of its films."""
        return Collection(name, list(films), [self.group_of[film] for film in films])


def load_seed_data(protocol: str = "patient") -> SeedData:
    """Read every data set and split the films of the educational project.

    Args:
        protocol: see :func:`ml.data.splits.seed_split`.

    Raises:
        DataSetError: when the data are not there.
    """
    root = require_data_dir()
    everything = [film for name in SOURCES for film in load_source(name, root)]
    group_of = dict(zip(everything, patient_groups(everything), strict=True))
    films = seed_selection(everything)
    return SeedData(seed_split(films, [group_of[film] for film in films], protocol), everything, group_of)


def internal_test(data: SeedData) -> Collection:
    """Return the 36 + 36 test films, which took no part in training or in any choice."""
    return data.collection("Test films: the two training sources, patients never seen", data.split.test)


def external_tests(data: SeedData) -> list[Collection]:
    """Return the collections that the seed network was not trained on.

    The first is the rest of its own two sources, the others are of hospitals not seen in training. Films that share
    a patient or a picture with the training films are left out.
    """
    seen = {data.group_of[film] for film in data.split.train + data.split.validation}
    fresh = [film for film in data.everything if data.group_of[film] not in seen]

    def pick(source: str, finding: str) -> list[FilmRecord]:
        return [film for film in fresh if film.source == source and film.finding == finding]

    hannover, cxnet = pick("covid-19-image-repository", COVID), pick("covid-cxnet", COVID)
    adults, adults_ill = pick("nih-chestxray14", NORMAL), pick("nih-chestxray14", PNEUMONIA)
    test_covid = [film for film in data.split.test if film.label]
    return [
        data.collection("Same two sources, films left over by the draw", data.split.unused),
        data.collection("COVID-19 from Hannover against healthy adults (NIH)", hannover + adults),
        data.collection("COVID-19 from COVID-CXNet against healthy adults (NIH)", cxnet + adults),
        data.collection("COVID-19 test films against adults with pneumonia (NIH)", test_covid + adults_ill),
        data.collection(
            "COVID-19 test films against children with pneumonia (Kermany)",
            test_covid + pick("chest_xray", PNEUMONIA),
        ),
    ]


def score_function(bundle: Bundle) -> ScoreFunction:
    """Return a function that scores films with a bundle, in the same steps as the worker."""
    from ml.inference.classifier import Classifier

    classifier = Classifier(bundle, threads=0)

    def score(films: Sequence[FilmRecord]) -> Float64Array:
        scores = []
        for start in range(0, len(films), BATCH):
            pictures = [load(film.path.read_bytes()).pixels for film in films[start : start + BATCH]]
            inputs = np.stack([prepared.input for prepared in classifier.prepare(pictures)])
            scores.append(classifier.predict(inputs).scores)
        return np.concatenate(scores)

    return score


def split_file_test(bundle: Bundle) -> Collection:
    """Return the test films that a bundle's split file names.

    Raises:
        DataSetError: when the data are not there.
    """
    listed = {(row["source"], row["file"]) for row in read_split(bundle.path / SPLIT) if row["part"] == TEST}
    root = require_data_dir()
    films = [film for name in SOURCES for film in load_source(name, root) if (name, film.path.name) in listed]
    return Collection("Test films of its split file", films, patient_groups(films))


def collections_of(bundle: Bundle) -> list[Collection]:
    """Return what a bundle is measured on: its own test films and, for ``seed-cnn``, other sources.

    Raises:
        DataSetError: when the data are not there.
    """
    if bundle.name != "seed-cnn":  # trained on every source, so only its folds can be tested on others
        return [split_file_test(bundle)]
    data = load_seed_data(bundle.card.training.protocol)
    return [internal_test(data), *external_tests(data)]


def evaluate_collection(collection: Collection, score: ScoreFunction, threshold: float) -> Evaluation:
    """Score a collection and measure the scores, see :func:`ml.evaluation.measurement.evaluate_scores`."""
    return evaluate_scores(collection.name, collection.films, collection.groups, score(collection.films), threshold)


def format_table(rows: Sequence[Evaluation]) -> str:
    """Return evaluations as plain text, one line each."""
    lines = [f"{'':66}{'films':>6}" + "".join(f"{key:>12}" for key in PRINTED)]
    lines += [
        f"{row.name[:65]:66}{row.films:>6}"
        + "".join(f"{_format(getattr(row.values, key).value):>12}" for key in PRINTED)
        for row in rows
    ]
    return "\n".join(lines)


def _format(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
