"""Build the bundle ``screener``: train it, its folds and its gate where missing, measure everything, write the card.

``python -m ml.training.screener.build_bundle --photographs FOLDER…``. Interrupted, it goes on where it was.
A twelfth of the patient groups is kept for calibration and operating points, another twelfth for the test; what
is measured on the test chooses nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.data.datasets import FilmRecord, require_data_dir
from ml.data.split_file import write_split
from ml.decoding.preprocess import PREPROCESSING_VERSION
from ml.errors import BundleError, DataSetError
from ml.evaluation.card import part_counts, readable, software
from ml.evaluation.card_markdown import write_model_card
from ml.evaluation.collections import table
from ml.inference.bundle import CARD, GATE, GRAPH, LUNGS, MODELS, SPLIT, open_bundle, sha256_of
from ml.inference.classifier import Classifier
from ml.statistics.calibration import fit_platt, sigmoid
from ml.statistics.metrics import auroc, operating_points
from ml.training.gate.train import train_gate
from ml.training.onnx_export import export
from ml.training.screener.card_text import DATA_SOURCES, ETHICS, INTENDED_USE, LIMITS, NOT_FOR, SUMMARY
from ml.training.screener.evidence import (
    Parts,
    against_seed,
    at_points,
    at_prevalences,
    fold_scores,
    measure,
    serve,
    shortcuts,
    spread,
    subgroups,
)
from ml.training.screener.feature_cache import Cache, fill
from ml.training.screener.films import Films, Mask, folds, read_films, validation_part
from ml.training.screener.folds import LUNGS as LUNGS_NETWORK
from ml.training.screener.folds import RUNS, evidence, logits
from ml.training.screener.network import SIZE, frozen_part, screener
from ml.training.screener.recipe import Recipe, train

SEEDS = (0, 1, 2)
SEEDS_FILE = "ships.json"
SHARE = 0.12  # of the patient groups, for validation and for the test each
THRESHOLD = 0.5  # of the calibrated score, for the figures that need one threshold
SOFTWARE = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "scikit-learn")
TITLE = "Screener, EfficientNet-Lite0 on lung fields"


def parts_of(films: Films) -> Parts:
    """Whole patient groups to train, to calibrate and to test; a test group shares no film with the others."""
    everything = np.ones(len(films.records), dtype=bool)
    test = validation_part(films, everything, seed=1, share=SHARE)
    validation = validation_part(films, ~test, seed=0, share=SHARE)
    return Parts(~test & ~validation, validation, test)


def build(films: Films, cache: Cache, lungs: keras.Model, runs: Path, target: Path) -> dict[str, float]:
    """Train what ships, export it with a provisional card, and calibrate it on the validation films.

    Returns:
        slope and intercept of the calibration, and the operating points.

    Raises:
        BundleError: when the export fails.
    """
    parts = parts_of(films)
    trained = train_seeds(films, cache, parts, runs)
    target.mkdir(parents=True, exist_ok=True)
    if not (target / GRAPH).exists():
        export(screener(frozen_part(), [trained[best_seed(runs)]]), target / GRAPH)
        export(lungs, target / LUNGS)
    write_split(target / SPLIT, {name: _records(films, mask) for name, mask in vars(parts).items()})
    unset = {"slope": 1.0, "intercept": 0.0, "low": 0.0, "high": 1.0}
    write_card(target, card_of(films, parts, runs, unset))
    classifier = Classifier(open_bundle(target, gate=False), threads=0)
    chosen = [film for film, use in zip(films.pixels, parts.validation, strict=True) if use]
    probabilities = np.clip(serve(classifier, chosen).scores, 1e-9, 1 - 1e-9)
    labels, raw = films.labels[parts.validation], np.log(probabilities / (1 - probabilities))
    slope, intercept = fit_platt(labels, raw)
    low, high = operating_points(labels, sigmoid(slope * raw + intercept))
    points = {"slope": slope, "intercept": intercept, "low": low, "high": high}
    write_card(target, card_of(films, parts, runs, points))
    return points


def train_seeds(films: Films, cache: Cache, parts: Parts, runs: Path) -> dict[int, keras.Model]:
    """Train every seed on the training part and note what each reaches on the other two in ``ships.json``."""
    trained, rows = {}, []
    for seed in SEEDS:
        trained[seed] = train(films, cache, parts.train, runs / f"ships-{seed}", seed)
        scores = logits(trained[seed], cache.views[0], parts.validation | parts.test)
        reached = {
            name: round(auroc(films.labels[part], scores[part]), 4)
            for name, part in (("validation", parts.validation), ("auroc", parts.test))
        }
        rows.append({"seed": seed} | reached)
    (runs / SEEDS_FILE).write_text(json.dumps(rows, indent=1))
    return trained


def best_seed(runs: Path) -> int:
    """Return the seed with the highest AUROC on the validation films; averaging the seeds' weights did worse."""
    rows: list[dict[str, Any]] = json.loads((runs / SEEDS_FILE).read_text())
    return int(max(rows, key=lambda row: row["validation"])["seed"])


def prove(films: Films, runs: Path, target: Path, points: dict[str, float], gate: dict[str, Any]) -> None:
    """Measure the bundle and its folds and write the whole card."""
    parts = parts_of(films)
    bundle = open_bundle(target)
    classifier = Classifier(bundle, threads=0)
    served = serve(classifier, films.pixels)
    calibration = (points["slope"], points["intercept"])
    left_out = fold_scores(films, runs, calibration)
    own = measure(films, parts.test, served.scores, "Test films: all five sources, patients never seen", THRESHOLD)
    measured = at_points(films.labels[parts.test], served.scores[parts.test], points["low"], points["high"])
    card = card_of(films, parts, runs, points) | {
        "metrics": own,
        "elsewhere": [measure(films, part, scores, name, THRESHOLD) for name, (part, scores) in left_out.items()],
        "seeds": {"runs": json.loads((runs / SEEDS_FILE).read_text()), "folds": spread(films, runs)},
        "against_seed_cnn": against_seed(films, {"Test films": (parts.test, served.scores), **left_out}),
        "at_operating_points": measured,
        "prevalence": at_prevalences(measured),
        "subgroups": subgroups(films, parts.test, served.scores),
        "shortcuts": shortcuts(classifier, films, parts, served),
        "gate": gate,
    }
    write_card(target, card)


def card_of(films: Films, parts: Parts, runs: Path, points: dict[str, float]) -> dict[str, Any]:
    """The card but for what is measured."""
    return {
        "name": "screener",
        "title": TITLE,
        "summary": SUMMARY,
        "positive_class": "COVID-19",
        "created": datetime.now(UTC).date().isoformat(),
        "intended_use": INTENDED_USE,
        "not_for": NOT_FOR,
        "limits": LIMITS,
        "ethics": ETHICS,
        "preprocessing": {
            "version": PREPROCESSING_VERSION,
            "kind": "lungs",
            "height": SIZE,
            "width": SIZE,
            "channels": 1,
            "resize": "lung fields cut out square, aspect ratio kept, histogram equalised",
            "scale": "0..1",
        },
        "network": {"description": "EfficientNet-Lite0, average pooling, one linear head", "parameters": 3_372_289},
        "training": {
            "protocol": "patient",
            "seed": best_seed(runs),
            "chosen_by": "highest AUROC on the validation films among three seeds",
            **vars(Recipe()),
            "history": _history(runs),
        },
        "data": {
            "sources": DATA_SOURCES,
            "split": {
                name: part_counts(_records(films, mask), list(films.groups[mask]))
                for name, mask in vars(parts).items()
            },
        },
        "threshold": THRESHOLD,
        "calibration": {"slope": points["slope"], "intercept": points["intercept"], "method": "Platt 1999"},
        "operating_points": {
            "low": points["low"],
            "high": points["high"],
            "chosen_on": f"{int(parts.validation.sum())} validation films: "
            "sensitivity 0.95 below, specificity 0.95 above",
        },
        "software": software(SOFTWARE),
    }


def write_card(target: Path, card: dict[str, Any]) -> None:
    """Write ``card.json`` with the checksums of what lies beside it."""
    present = [name for name in (GRAPH, LUNGS, GATE, SPLIT) if (target / name).exists()]
    checksums = {name: sha256_of(target / name) for name in present}
    (target / CARD).write_text(readable(card | {"checksums": checksums}))


def _records(films: Films, part: Mask) -> list[FilmRecord]:
    return [film for film, use in zip(films.records, part, strict=True) if use]


def _history(runs: Path) -> list[dict[str, float]]:
    """The loss of the shipped training, every hundred steps."""
    path = runs / f"ships-{best_seed(runs)}" / "history.json"
    history: list[dict[str, float]] = json.loads(path.read_text())["history"] if path.exists() else []
    return history


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.training.screener.build_bundle", description=__doc__)
    parser.add_argument("--photographs", type=Path, nargs="+", required=True, help="pictures of anything but chests")
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--target", type=Path, default=MODELS / "screener")
    options = parser.parse_args(arguments)
    try:
        card = _all_steps(options.runs, options.target, options.photographs)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table([card["metrics"], *card["elsewhere"]]))
    return 0


def _all_steps(runs: Path, target: Path, photographs: Sequence[Path]) -> dict[str, Any]:
    root = require_data_dir()
    films = read_films(root)
    lungs_path = runs / LUNGS_NETWORK
    if not lungs_path.exists():
        raise BundleError(f"{lungs_path} is missing: run `python -m ml.training.lung_fields --masks FILE.zip` first.")
    lungs = keras.models.load_model(lungs_path, compile=False)
    cache = fill(films, lungs, frozen_part())
    points = build(films, cache, lungs, runs, target)
    gate_path = runs / "gate.json"
    if not gate_path.exists() or not (runs / GATE).exists():
        gate_path.write_text(json.dumps(train_gate(target, root, photographs), indent=1))
        shutil.copy(target / GATE, runs / GATE)
    shutil.copy(runs / GATE, target / GATE)
    write_card(target, card_of(films, parts_of(films), runs, points))
    evidence(films, cache, list(folds(films)), SEEDS, runs)
    prove(films, runs, target, points, json.loads(gate_path.read_text()))
    card = open_bundle(target).card
    write_model_card(card)
    return card


if __name__ == "__main__":
    sys.exit(main())
