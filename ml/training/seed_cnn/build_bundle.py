"""Turn finished trainings of ``seed-cnn`` into the bundle that ships.

``python -m ml.training.seed_cnn.build_bundle`` is the command.

The run with the lowest validation loss gives the weights; all runs give the spread. The test films are
measured here for the first time and choose nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import FilmRecord
from ml.data.split_file import write_split
from ml.decoding.preprocess import PREPROCESSING_VERSION
from ml.errors import BundleError, DataSetError
from ml.evaluation.card import at_threshold, part_counts, readable, software
from ml.evaluation.collections import Collection, SeedData, elsewhere, measure, seed_data, table, test_collection
from ml.inference.bundle import CARD, GRAPH, MODELS, SPLIT, open_bundle, sha256_of
from ml.statistics import metrics
from ml.training.onnx_export import export, parity
from ml.training.seed_cnn.card_text import DATA_SOURCES, INTENDED_USE, LIMITS, NOT_FOR, SUMMARY
from ml.training.seed_cnn.network import SEED_CNN_PARAMETERS
from ml.training.seed_cnn.recipe import BATCH, EPOCHS, INPUT, STEPS_AN_EPOCH, arrays
from ml.training.seed_cnn.train import RUNS, run_folder

THRESHOLD = 0.5  # as in the educational project
SOFTWARE = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "pydicom")


def ship(runs: Path, protocol: str, seeds: Sequence[int], target: Path) -> dict[str, Any]:
    """Build the bundle and return its card.

    Raises:
        BundleError: when a training is missing or the export does not agree with Keras.
        DataSetError: when the data are not there.
    """
    data = seed_data(protocol)
    networks = {seed: _network(run_folder(runs, protocol, seed)) for seed in seeds}
    histories = {seed: _history(run_folder(runs, protocol, seed)) for seed in seeds}
    best = min(seeds, key=lambda seed: _best_epoch(histories[seed])["val_loss"])
    target.mkdir(parents=True, exist_ok=True)
    difference = _export(networks[best], target / GRAPH, arrays(data.split.test)[0])
    parts = {"train": data.split.train, "validation": data.split.validation, "test": data.split.test}
    write_split(target / SPLIT, {name: sorted(films, key=lambda film: film.path) for name, films in parts.items()})
    card = {
        **_about(),
        "training": _training(protocol, best, histories[best]),
        "data": _data(data),
        "threshold": THRESHOLD,
        **_evidence(data, networks, best),
        "parity": {
            "against": "the Keras network, on the test films",
            "films": len(data.split.test),
            "largest_difference": difference,
        },
        "software": software(SOFTWARE),
        "checksums": {name: sha256_of(target / name) for name in (GRAPH, SPLIT)},
    }
    (target / CARD).write_text(readable(card))
    open_bundle(target)
    return card


def _export(network: keras.Model, graph: Path, films: Float32Array) -> float:
    """Export unless the graph there says the same already; returns the largest difference from Keras.

    tf2onnx names nodes anew each time; the same weights should keep their digest.
    """
    if graph.exists():
        try:
            return parity(network, graph, films)
        except BundleError:
            pass  # other weights, or damaged: replaced below
    export(network, graph)
    return parity(network, graph, films)


def _network(run: Path) -> keras.Model:
    if not (run / "history.json").exists():
        raise BundleError(f"{run} holds no finished training; run `python -m ml.train` first.")
    return keras.models.load_model(run / "weights.keras")


def _history(run: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((run / "history.json").read_text())
    return history


def _best_epoch(history: Sequence[dict[str, float]]) -> dict[str, float]:
    return min(history, key=lambda row: row["val_loss"])


def _score(network: keras.Model, films: Sequence[FilmRecord]) -> Float64Array:
    return np.asarray(network.predict(arrays(films)[0], batch_size=16, verbose=0), dtype=np.float64).ravel()


def _about() -> dict[str, Any]:
    return {
        "name": "seed-cnn",
        "title": "Seed CNN, the educational project's network",
        "summary": SUMMARY,
        "positive_class": "COVID-19",
        "created": datetime.now(UTC).date().isoformat(),
        "intended_use": INTENDED_USE,
        "not_for": NOT_FOR,
        "limits": LIMITS,
        "preprocessing": {
            "version": PREPROCESSING_VERSION,
            "height": INPUT.height,
            "width": INPUT.width,
            "channels": INPUT.channels,
            "resize": "stretched to the square, bilinear",
            "scale": "0..1",
        },
        "network": {
            "description": "4 convolutions 3 × 3 (32, 64, 64, 128), 3 max-poolings, dense 64, sigmoid",
            "parameters": SEED_CNN_PARAMETERS,
        },
    }


def _training(protocol: str, seed: int, history: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "seed": seed,
        "epochs": EPOCHS,
        "best_epoch": int(_best_epoch(history)["epoch"]) + 1,
        "chosen_by": "lowest loss on the validation films",
        "batch": BATCH,
        "steps_an_epoch": STEPS_AN_EPOCH,
        "loss": "binary cross-entropy",
        "optimizer": "Adam, rate 0.001",
        "augmentation": "shear 0.2 degrees, zoom 0.8 to 1.2 each axis, horizontal flip",
        "history": [
            {"epoch": int(row["epoch"]) + 1}
            | {key: round(row[key], 5) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
            for row in history
        ],
    }


def _data(data: SeedData) -> dict[str, Any]:
    parts = {"train": data.split.train, "validation": data.split.validation, "test": data.split.test}
    return {
        "sources": DATA_SOURCES,
        "split": {name: part_counts(films, [data.group_of[film] for film in films]) for name, films in parts.items()},
    }


def _evidence(data: SeedData, networks: dict[int, keras.Model], best: int) -> dict[str, Any]:
    validation = data.split.validation
    low, high = metrics.operating_points([film.label for film in validation], _score(networks[best], validation))
    test = test_collection(data)

    def score(films: Sequence[FilmRecord]) -> Float64Array:
        return _score(networks[best], films)

    return {
        "operating_points": {
            "low": low,
            "high": high,
            "chosen_on": f"{len(validation)} validation films: sensitivity 0.95 below, specificity 0.95 above",
        },
        "metrics": measure(test, score, THRESHOLD),
        "seeds": _seeds(test, networks),
        "elsewhere": [measure(part, score, THRESHOLD) for part in elsewhere(data)],
    }


def _seeds(test: Collection, networks: dict[int, keras.Model]) -> dict[str, Any]:
    """The same recipe with other random numbers: the spread, and its mean."""
    labels = np.array([film.label for film in test.films])
    functions = {**at_threshold(THRESHOLD), "auroc": metrics.auroc}
    runs = []
    for seed, network in networks.items():
        scores = _score(network, test.films)
        runs.append({"seed": seed} | {name: round(f(labels, scores), 4) for name, f in functions.items()})
    return {
        "runs": runs,
        "mean": {name: round(float(np.mean([r[name] for r in runs])), 4) for name in functions},
    }


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.training.seed_cnn.build_bundle", description=__doc__)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--protocol", choices=("patient", "seed"), default="patient")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--target", type=Path, default=MODELS / "seed-cnn")
    options = parser.parse_args(arguments)
    try:
        card = ship(options.runs, options.protocol, options.seeds, options.target)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table([card["metrics"], *card["elsewhere"]]))
    print("mean over seeds:", card["seeds"]["mean"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
