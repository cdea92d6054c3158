"""Train the screener for the model that ships, or with ``--folds`` for the evidence.

``python -m ml.training.screener.folds`` is the command.

Without options it trains on every source but a validation part (whole patient groups), for each seed, averages the
seeds' weights and writes ``screener.onnx``, ``lungs.onnx`` and ``validation.csv``. With ``--folds`` it trains once
for each fold and seed and writes every test film's logit. Both can be interrupted and started again.
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
from ml.training.screener.feature_cache import BATCH, Cache, Features, fill
from ml.training.screener.films import Films, Fold, Mask, folds, read_films, validation_part
from ml.training.screener.network import frozen_part, screener
from ml.training.screener.recipe import Recipe, train

RUNS = Path("var/screener")
LUNGS = "lungs.keras"
SEEDS = (0, 1, 2)


def logits(network: keras.Model, served: Features, part: Mask) -> Float64Array:
    """The trained part's logits of the films in ``part`` as they are served, NaN elsewhere: [N]."""
    out = np.full(len(part), np.nan)
    members = np.nonzero(part)[0]
    for start in range(0, len(members), BATCH):
        some = members[start : start + BATCH]
        out[some] = np.asarray(network(served[some].astype(np.float32), training=False))[:, 0]
    return out


def test_fold(films: Films, fold: Fold, scores: Float64Array) -> dict[str, dict[str, float]]:
    """AUROC and counts of each of a fold's tests."""
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


def evidence(films: Films, cache: Cache, names: Sequence[str], seeds: Sequence[int], runs: Path) -> None:
    """Train and test each fold with each seed; ``runs/folds.json`` and a scores file a fold grow as they finish."""
    plan = folds(films)
    path = runs / "folds.json"
    table = json.loads(path.read_text()) if path.exists() else {}
    for seed in seeds:
        for name in names:
            fold = plan[name]
            tested = np.any([p | n for p, n in fold.tests.values()], axis=0)
            network = train(films, cache, fold.train, runs / f"{name}-{seed}", seed)
            scores = logits(network, cache.views[0], tested)
            _write_scores(films, tested, scores, runs / f"{name}-{seed}" / "scores.csv")
            table[f"{name}-{seed}"] = test_fold(films, fold, scores)
            path.write_text(json.dumps(table, indent=1))
            for test, row in table[f"{name}-{seed}"].items():
                print(f"seed {seed}  {test:34} {row['auroc']:.3f}", flush=True)


def ship(films: Films, cache: Cache, lungs: keras.Model, seeds: Sequence[int], runs: Path) -> None:
    """Train the model that ships and export it.

    Raises:
        BundleError: when the export fails.
    """
    everything = np.ones(len(films.records), dtype=bool)
    kept = validation_part(films, everything)
    parts = [train(films, cache, ~kept, runs / f"everything-{seed}", seed) for seed in seeds]
    scores = np.mean([logits(part, cache.views[0], kept) for part in parts], axis=0)
    network = screener(frozen_part(), parts)
    network.save(runs / "screener.keras")
    _write_scores(films, kept, scores, runs / "validation-seeds.csv")
    _write_scores(films, kept, _shipped(network, cache.views[0], kept), runs / "validation.csv")
    export(network, runs / "screener.onnx")
    export(lungs, runs / "lungs.onnx")


def _shipped(network: keras.Model, served: Features, part: Mask) -> Float64Array:
    """The shipped network's logits from cached features: its layers above the frozen part."""
    above = keras.Model(network.get_layer("block10_add").output, network.get_layer("logit").output)
    return logits(above, served, part)


def _write_scores(films: Films, part: Mask, scores: Float64Array, path: Path) -> None:
    """Source, file, group, label and logit of some films; no pictures."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "file", "group", "finding", "label", "logit"])
        for index in np.nonzero(part)[0]:
            film = films.records[index]
            row = [film.source, film.path.name, films.groups[index], film.finding, film.label]
            writer.writerow([*row, f"{scores[index]:.6f}"])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.training.screener.folds", description=__doc__)
    parser.add_argument("--folds", nargs="*", help="names of folds, none for all; without it the model that ships")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--runs", type=Path, default=RUNS)
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
        cache = fill(films, lungs, frozen_part())
        if options.folds is None:
            ship(films, cache, lungs, options.seeds, options.runs)
        else:
            evidence(films, cache, options.folds or list(folds(films)), options.seeds, options.runs)
    except (BundleError, DataSetError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Done with {Recipe()}; see {options.runs}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
