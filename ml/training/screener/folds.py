"""Training of the screener on folds: ``python -m ml.training.screener.folds [--folds NAME …]``.

The command trains for each fold and seed, merges the weights of the seeds as for the network that ships, and writes
every test film's logit. It can be interrupted and started again.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.arrays import Float64Array
from ml.data.datasets import require_data_dir
from ml.errors import BundleError, DataSetError
from ml.inference.bundle import LUNGS, MODELS
from ml.statistics.metrics import auroc
from ml.training.screener.feature_cache import BATCH, Cache, Features, fill_cache
from ml.training.screener.feature_range import FEATURES, pooled_features
from ml.training.screener.films import Films, Fold, Mask, folds, read_films
from ml.training.screener.network import frozen_part
from ml.training.screener.recipe import Recipe, train_seeds

DESCRIPTION = "Train the screener for each fold and seed and measure it on the sources left out."

RUNS = Path("var/screener")
SEEDS = (0, 1, 2)
AUROCS = "aurocs.json"  # of a fold: for the merged network and each seed alone, the AUROC of each test


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
    """Train and test folds with several seeds, each seed alone and merged as they ship.

    Writes for each fold and seed ``scores.csv``, and for each fold the pooled features of every film
    (``features.npy``) and the AUROC of each test and seed (``aurocs.json``). A fold that has the last is finished.

    Args:
        films: every film.
        cache: their features.
        names: the folds to train.
        seeds: one training each.
        runs: folder of the trainings.
    """
    plan = folds(films)
    for name in names:
        path = runs / name / AUROCS
        if path.exists():
            continue
        merged, alone = train_seeds(films, cache, plan[name].train, runs / name, seeds)
        networks = {name: merged} | {f"{name}-{seed}": network for seed, network in alone.items()}
        table = {run: _test_fold(films, cache, plan[name], network, runs / run) for run, network in networks.items()}
        for run, tests in table.items():
            for test, row in tests.items():
                print(f"{run:24} {test:34} {row['auroc']:.3f}", flush=True)
        np.save(runs / name / FEATURES, pooled_features(merged, cache.views[0]))
        path.write_text(json.dumps(table, indent=1))


def _test_fold(films: Films, cache: Cache, fold: Fold, network: keras.Model, folder: Path) -> dict[str, Any]:
    tested = np.any([p | n for p, n in fold.tests.values()], axis=0)
    scores = compute_logits(network, cache.views[0], tested)
    folder.mkdir(exist_ok=True)
    _write_scores(films, tested, scores, folder / "scores.csv")
    return measure_fold(films, fold, scores)


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
    parser.add_argument("--folds", nargs="*", default=[], help="names of folds (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="one training for each")
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trainings (default {RUNS})")
    parser.add_argument("--lungs", type=Path, default=MODELS / "screener" / LUNGS, help="the network of lung fields")
    options = parser.parse_args(arguments)
    options.runs.mkdir(parents=True, exist_ok=True)
    try:
        films = read_films(require_data_dir())
        cache = fill_cache(films, options.lungs, frozen_part())
        train_folds(films, cache, options.folds or list(folds(films)), options.seeds, options.runs)
    except (BundleError, DataSetError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Trained with {Recipe()}; results are in {options.runs}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
