"""Builds the bundle ``seed-cnn`` from finished trainings: ``python -m ml.training.seed_cnn.build_bundle``.

The run with the lowest validation loss gives the weights; all runs together give the spread. The test films are
measured here for the first time, and no choice is made by them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import FilmRecord
from ml.data.split_file import write_split
from ml.decoding.preprocess import PREPROCESSING_VERSION
from ml.errors import BundleError, DataSetError
from ml.evaluation.card_builder import Model, build_card, count_part, write_card
from ml.evaluation.collections import (
    Collection,
    SeedData,
    evaluate_collection,
    external_tests,
    format_table,
    internal_test,
    load_seed_data,
)
from ml.evaluation.measurement import metrics_at
from ml.inference.bundle import MODELS, SPLIT, open_bundle
from ml.model_card.card import GRAPH, ModelCard
from ml.model_card.description import Network, OperatingPoints, Preprocessing, Training, TrainingLogEntry
from ml.model_card.evidence import Parity, SeedRun, Seeds
from ml.statistics import metrics
from ml.training.onnx_export import export, measure_parity
from ml.training.seed_cnn.card_text import CARD_TEXT
from ml.training.seed_cnn.network import SEED_CNN_PARAMETERS
from ml.training.seed_cnn.recipe import BATCH, EPOCHS, INPUT, STEPS_AN_EPOCH, load_arrays
from ml.training.seed_cnn.train import RUNS, run_folder

DESCRIPTION = "Build the bundle seed-cnn from finished trainings: export the best run, measure it and write its card."

THRESHOLD = 0.5  # as in the educational project
SOFTWARE = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "pydicom")


def build_bundle(runs: Path, protocol: str, seeds: Sequence[int], target: Path) -> ModelCard:
    """Build the bundle.

    Args:
        runs: folder of the finished trainings.
        protocol: see :func:`ml.data.splits.seed_split`.
        seeds: the trainings to use.
        target: folder of the bundle.

    Returns:
        the card as written.

    Raises:
        BundleError: when a training is missing or the export does not agree with Keras.
        DataSetError: when the data are not there.
    """
    data = load_seed_data(protocol)
    networks = {seed: _load_network(run_folder(runs, protocol, seed)) for seed in seeds}
    histories = {seed: _read_history(run_folder(runs, protocol, seed)) for seed in seeds}
    best = min(seeds, key=lambda seed: _best_epoch(histories[seed])["val_loss"])
    target.mkdir(parents=True, exist_ok=True)
    difference = _export(networks[best], target / GRAPH, load_arrays(data.split.test)[0])
    write_split(
        target / SPLIT, {name: sorted(films, key=lambda film: film.path) for name, films in _parts(data).items()}
    )
    model = _describe(data, _training(protocol, best, histories[best]), networks[best])
    card = _add_measurements(build_card(CARD_TEXT, model), data, networks, best)
    card = write_card(target, replace(card, parity=_parity(data, difference)))
    open_bundle(target)
    return card


def _export(network: keras.Model, graph: Path, films: Float32Array) -> float:
    """Export the network, unless the graph on disk agrees with it already.

    tf2onnx names nodes anew each time; an unchanged network should keep its digest.

    Returns:
        the largest difference of a score from Keras.
    """
    if graph.exists():
        try:
            return measure_parity(network, graph, films)
        except BundleError:
            pass  # the graph has other weights or is damaged; it is replaced below
    export(network, graph)
    return measure_parity(network, graph, films)


def _load_network(run: Path) -> keras.Model:
    if not (run / "history.json").exists():
        raise BundleError(f"{run} holds no finished training; run `python -m ml.train` first.")
    return keras.models.load_model(run / "weights.keras")


def _read_history(run: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((run / "history.json").read_text())
    return history


def _best_epoch(history: Sequence[dict[str, float]]) -> dict[str, float]:
    return min(history, key=lambda row: row["val_loss"])


def _score(network: keras.Model, films: Sequence[FilmRecord]) -> Float64Array:
    return np.asarray(network.predict(load_arrays(films)[0], batch_size=16, verbose=0), dtype=np.float64).ravel()


def _parts(data: SeedData) -> dict[str, list[FilmRecord]]:
    return {"train": data.split.train, "validation": data.split.validation, "test": data.split.test}


def _describe(data: SeedData, training: Training, network: keras.Model) -> Model:
    return Model(
        preprocessing=Preprocessing(
            version=PREPROCESSING_VERSION,
            height=INPUT.height,
            width=INPUT.width,
            channels=INPUT.channels,
            resize="stretched to the square, bilinear",
            scale="0..1",
        ),
        network=Network(
            description="4 convolutions 3 × 3 (32, 64, 64, 128), 3 max-poolings, dense 64, sigmoid",
            parameters=SEED_CNN_PARAMETERS,
        ),
        training=training,
        split={
            name: count_part(films, [data.group_of[film] for film in films]) for name, films in _parts(data).items()
        },
        threshold=THRESHOLD,
        operating_points=_operating_points(data, network),
        packages=SOFTWARE,
    )


def _training(protocol: str, seed: int, history: list[dict[str, float]]) -> Training:
    return Training(
        protocol=protocol,
        seed=seed,
        epochs=EPOCHS,
        best_epoch=int(_best_epoch(history)["epoch"]) + 1,
        chosen_by="lowest loss on the validation films",
        batch=BATCH,
        steps_an_epoch=STEPS_AN_EPOCH,
        loss="binary cross-entropy",
        optimizer="Adam, rate 0.001",
        augmentation="shear 0.2 degrees, zoom 0.8 to 1.2 each axis, horizontal flip",
        history=tuple(
            TrainingLogEntry(
                epoch=int(row["epoch"]) + 1,
                loss=round(row["loss"], 5),
                accuracy=round(row["accuracy"], 5),
                val_loss=round(row["val_loss"], 5),
                val_accuracy=round(row["val_accuracy"], 5),
            )
            for row in history
        ),
    )


def _operating_points(data: SeedData, network: keras.Model) -> OperatingPoints:
    validation = data.split.validation
    low, high = metrics.operating_points([film.label for film in validation], _score(network, validation))
    chosen_on = f"{len(validation)} validation films: sensitivity 0.95 below, specificity 0.95 above"
    return OperatingPoints(low, high, chosen_on)


def _add_measurements(card: ModelCard, data: SeedData, networks: dict[int, keras.Model], best: int) -> ModelCard:
    """Return the card with what was measured on the test films and on other sources."""

    def score(films: Sequence[FilmRecord]) -> Float64Array:
        return _score(networks[best], films)

    test = internal_test(data)
    return replace(
        card,
        metrics=evaluate_collection(test, score, THRESHOLD),
        seeds=_seeds(test, networks),
        elsewhere=tuple(evaluate_collection(part, score, THRESHOLD) for part in external_tests(data)),
    )


def _seeds(test: Collection, networks: dict[int, keras.Model]) -> Seeds:
    """Return the metrics of each training, and their mean."""
    labels = np.array([film.label for film in test.films])
    functions = {**metrics_at(THRESHOLD), "auroc": metrics.auroc}
    rows = {}
    for seed, network in networks.items():
        scores = _score(network, test.films)
        rows[seed] = {name: round(function(labels, scores), 4) for name, function in functions.items()}
    mean = {name: round(float(np.mean([row[name] for row in rows.values()])), 4) for name in functions}
    return Seeds(tuple(SeedRun(seed=seed, **row) for seed, row in rows.items()), mean)


def _parity(data: SeedData, difference: float) -> Parity:
    return Parity("the Keras network, on the test films", len(data.split.test), difference)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where a training or the data are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.seed_cnn.build_bundle", description=DESCRIPTION)
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trainings (default {RUNS})")
    parser.add_argument("--protocol", choices=("patient", "seed"), default="patient", help="how films were split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="the trainings to use")
    parser.add_argument("--target", type=Path, default=MODELS / "seed-cnn", help="folder of the bundle")
    options = parser.parse_args(arguments)
    try:
        card = build_bundle(options.runs, options.protocol, options.seeds, options.target)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(format_table([row for row in (card.metrics, *card.elsewhere) if row]))
    print("mean over seeds:", card.seeds.mean if card.seeds else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
