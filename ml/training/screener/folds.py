"""Training of the screener on folds: ``python -m ml.training.screener.folds --folds``.

With ``--folds`` the command trains once for each fold and seed and writes every test film's logit. Without it, it
trains on every source but a validation part (whole patient groups), for each seed, averages the weights of the
seeds and writes ``screener.onnx``, ``lungs.onnx`` and ``validation.csv``. Both can be interrupted and started again.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ml.arrays import Float64Array
from ml.data.datasets import require_data_dir
from ml.errors import BundleError, DataSetError
from ml.statistics.metrics import auroc
from ml.training.onnx_export import export
from ml.training.screener.feature_cache import BATCH, Cache, Features, fill_cache
from ml.training.screener.films import Films, Fold, Mask, draw_validation_part, folds, read_films
from ml.training.screener.network import frozen_part, screener
from ml.training.screener.recipe import Recipe, train

DESCRIPTION = (
    "Train the screener once for each fold and seed and measure it on the sources left out, or, without "
    "--folds, train it on every source."
)

RUNS = Path("var/screener")
LUNGS = "lungs.keras"
SEEDS = (0, 1, 2)


def compute_logits(network: keras.Model, served: Features, part: Mask) -> Float64Array:
    """Return the trained part's logits of the films in ``part``, NaN elsewhere: [N].

    Args:
        network: the trained part, see :func:`ml.training.screener.network.trained_part`.
        served: cached features of the films as they are served, [N, ...].
        part: the films to score, [N].
    """
    out = np.full(len(part), np.nan)
    members = np.nonzero(part)[0]
    for start in range(0, len(members), BATCH):
        batch = members[start : start + BATCH]
        out[batch] = np.asarray(network(served[batch].astype(np.float32), training=False))[:, 0]
    return out


def measure_fold(films: Films, fold: Fold, scores: Float64Array) -> dict[str, dict[str, float]]:
    """Return AUROC and counts of each of a fold's tests."""
    rows = {}
    for name, (positives, negatives) in fold.tests.items():
        part = positives | negatives
        rows[name] = {
            "auroc": round(auroc(films.labels[part], scores[part]), 4),
            "positives": int(positives.sum()),
            "negatives": int(negatives.sum()),
            "trained_on": int(fold.train.sum()),
        }
    return rows


def train_folds(films: Films, cache: Cache, names: Sequence[str], seeds: Sequence[int], runs: Path) -> None:
    """Train and test folds with each seed.

    Writes ``folds.json`` and a file of scores for each fold as they are finished.

    Args:
        films: every film.
        cache: their features.
        names: the folds to train.
        seeds: one training each.
        runs: folder of the trainings.
    """
    plan = folds(films)
    path = runs / "folds.json"
    table = json.loads(path.read_text()) if path.exists() else {}
    for seed in seeds:
        for name in names:
            fold = plan[name]
            tested = np.any([p | n for p, n in fold.tests.values()], axis=0)
            network = train(films, cache, fold.train, runs / f"{name}-{seed}", seed)
            scores = compute_logits(network, cache.views[0], tested)
            _write_scores(films, tested, scores, runs / f"{name}-{seed}" / "scores.csv")
            table[f"{name}-{seed}"] = measure_fold(films, fold, scores)
            path.write_text(json.dumps(table, indent=1))
            for test, row in table[f"{name}-{seed}"].items():
                print(f"seed {seed}  {test:34} {row['auroc']:.3f}", flush=True)


def train_on_all_sources(films: Films, cache: Cache, lungs: keras.Model, seeds: Sequence[int], runs: Path) -> None:
    """Train on every source, average the weights of the seeds, and export the network.

    Raises:
        BundleError: when the export fails.
    """
    everything = np.ones(len(films.records), dtype=bool)
    validation = draw_validation_part(films, everything)
    parts = [train(films, cache, ~validation, runs / f"everything-{seed}", seed) for seed in seeds]
    scores = np.mean([compute_logits(part, cache.views[0], validation) for part in parts], axis=0)
    network = screener(frozen_part(), parts)
    network.save(runs / "screener.keras")
    _write_scores(films, validation, scores, runs / "validation-seeds.csv")
    _write_scores(films, validation, _logits_from_cache(network, cache.views[0], validation), runs / "validation.csv")
    export(network, runs / "screener.onnx")
    export(lungs, runs / "lungs.onnx")


def _logits_from_cache(network: keras.Model, served: Features, part: Mask) -> Float64Array:
    """Return a whole network's logits from cached features, by its layers above the frozen part."""
    above = keras.Model(network.get_layer("block10_add").output, network.get_layer("logit").output)
    return compute_logits(above, served, part)


def _write_scores(films: Films, part: Mask, scores: Float64Array, path: Path) -> None:
    """Write source, file, group, label and logit of some films; no pictures."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "file", "group", "finding", "label", "logit"])
        for index in np.nonzero(part)[0]:
            film = films.records[index]
            row = [film.source, film.path.name, films.groups[index], film.finding, film.label]
            writer.writerow([*row, f"{scores[index]:.6f}"])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data or the lung network are missing or a fold is unknown.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.screener.folds", description=DESCRIPTION)
    parser.add_argument(
        "--folds",
        nargs="*",
        help="train these folds, or all without a name; without the option train on every source",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="one training each")
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trainings (default {RUNS})")
    options = parser.parse_args(arguments)
    lungs_path = options.runs / LUNGS
    if not lungs_path.exists():
        print(
            f"{lungs_path} is missing: run `python -m ml.training.lung_fields --masks FILE.zip` first.",
            file=sys.stderr,
        )
        return 2
    try:
        films = read_films(require_data_dir())
        lungs = keras.models.load_model(lungs_path, compile=False)
        cache = fill_cache(films, lungs, frozen_part())
        if options.folds is None:
            train_on_all_sources(films, cache, lungs, options.seeds, options.runs)
        else:
            train_folds(films, cache, options.folds or list(folds(films)), options.seeds, options.runs)
    except (BundleError, DataSetError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Trained with {Recipe()}; results are in {options.runs}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
