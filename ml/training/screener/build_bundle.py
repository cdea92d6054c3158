"""Builds the bundle ``screener``: ``python -m ml.training.screener.build_bundle --photographs FOLDER…``.

Trains the network, its folds and its gate where they are missing, measures everything and writes the card. An
interrupted run continues where it was. Calibration and operating points are chosen on the scores of hospitals left
out of the folds. 12 % of the patient groups are kept from training for the threshold of the note on films unlike the
training's, another 12 % for the test; no choice is made by the test films.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.data.datasets import FilmRecord, require_data_dir
from ml.data.split_file import write_split
from ml.decoding.preprocess import PREPROCESSING_VERSION
from ml.errors import BundleError, DataSetError
from ml.evaluation.card_builder import Model, build_card, count_part, write_card
from ml.evaluation.card_markdown import write_model_card
from ml.evaluation.collections import format_table
from ml.inference.bundle import LUNGS, MODELS, SPLIT, open_bundle
from ml.inference.classifier import Classifier
from ml.model_card.card import GRAPH, ModelCard
from ml.model_card.description import (
    Calibration,
    Network,
    OperatingPoints,
    Preprocessing,
    Training,
    TrainingLogEntry,
)
from ml.model_card.evidence import GateEvidence, SeedRun, Seeds
from ml.statistics.metrics import auroc
from ml.training.gate.train import keep_gate, train_gate_once
from ml.training.onnx_export import export
from ml.training.screener.card_text import CARD_TEXT
from ml.training.screener.decision_band import DecisionRule, FittedDecision, fit_decision_band, measure_known
from ml.training.screener.evidence import (
    Parts,
    compare_with_seed_cnn,
    evaluate_part,
    evaluate_part_by_subgroup,
    fold_scores,
    measure_operating_points,
    probe_shortcuts,
    score_films,
    spread_over_seeds,
    tabulate_prevalences,
)
from ml.training.screener.feature_cache import Cache, fill_cache
from ml.training.screener.films import Films, Mask, draw_validation_part, folds, read_films
from ml.training.screener.folds import RUNS, SEEDS, compute_logits, train_folds
from ml.training.screener.network import SIZE, frozen_part, screener
from ml.training.screener.range_evidence import build_feature_range
from ml.training.screener.recipe import Recipe, train_seeds

DESCRIPTION = (
    "Train the screener, its folds and its gate where they are missing, measure them and write the "
    "bundle. An interrupted run continues where it stopped."
)

SEEDS_FILE = "ships.json"  # AUROC of each seed; the name is that of runs on disk
SHARE = 0.12  # of the patient groups, for validation and for the test each
THRESHOLD = 0.5  # of the calibrated score, for the figures that need one threshold
SOFTWARE = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "scikit-learn")


def split_films(films: Films) -> Parts:
    """Split the films by patient group; a test group shares no film with the other parts."""
    everything = np.ones(len(films.records), dtype=bool)
    test = draw_validation_part(films, everything, seed=1, share=SHARE)
    validation = draw_validation_part(films, ~test, seed=0, share=SHARE)
    return Parts(~test & ~validation, validation, test)


def build_bundle(films: Films, cache: Cache, runs: Path, target: Path) -> FittedDecision:
    """Train the network, export it with a provisional card, and fit its decisions on the hospitals left out.

    Raises:
        BundleError: when the export fails or a fold is not trained.
    """
    parts = split_films(films)
    trained = train_shipped_network(films, cache, parts, runs)
    if not (runs / GRAPH).exists():
        export(screener(frozen_part(), trained), runs / GRAPH)
    shutil.copy(runs / GRAPH, target / GRAPH)
    write_split(target / SPLIT, {name: _records(films, mask) for name, mask in vars(parts).items()})
    write_card(target, describe_model(films, parts, runs, DecisionRule()))
    classifier = Classifier(open_bundle(target, gate=False), threads=0)
    chosen = [film for film, use in zip(films.pixels, parts.validation, strict=True) if use]
    probabilities = np.clip(score_films(classifier, chosen).scores, 1e-9, 1 - 1e-9)
    labels, raw = films.labels[parts.validation], np.log(probabilities / (1 - probabilities))
    decision = fit_decision_band(films, runs, labels, raw)
    write_card(target, describe_model(films, parts, runs, decision.rule))
    return decision


def train_shipped_network(films: Films, cache: Cache, parts: Parts, runs: Path) -> keras.Model:
    """Train every seed on the training part and return the merged network.

    Writes the AUROC of each seed alone on the other two parts to ``ships.json``.
    """
    merged, alone = train_seeds(films, cache, parts.train, runs / "ships", SEEDS)
    rows = []
    for seed, network in alone.items():
        scores = compute_logits(network, cache.views[0], parts.validation | parts.test)
        reached = {
            name: round(auroc(films.labels[part], scores[part]), 4)
            for name, part in (("validation", parts.validation), ("auroc", parts.test))
        }
        rows.append({"seed": seed} | reached)
    (runs / SEEDS_FILE).write_text(json.dumps(rows, indent=1))
    return merged


def measure_bundle(films: Films, runs: Path, target: Path, decision: FittedDecision, gate: GateEvidence) -> ModelCard:
    """Measure the bundle and its folds, and write the range of features and the complete card."""
    parts, rule = split_films(films), decision.rule
    classifier = Classifier(open_bundle(target), threads=0)
    served = score_films(classifier, films.pixels)
    left_out = fold_scores(films, runs, (rule.slope, rule.intercept))
    name = "Test films: all five sources, patients never seen"
    measured = measure_operating_points(films.labels[parts.test], served.scores[parts.test], rule.low, rule.high)
    card = replace(
        describe_model(films, parts, runs, rule),
        metrics=evaluate_part(films, parts.test, served.scores, name, THRESHOLD),
        elsewhere=tuple(
            evaluate_part(films, part, scores, test, THRESHOLD) for test, (part, scores) in left_out.items()
        ),
        seeds=Seeds(_seed_runs(runs), folds=spread_over_seeds(films, runs)),
        against_seed_cnn=compare_with_seed_cnn(films, {"Test films": (parts.test, served.scores), **left_out}),
        at_operating_points=measured,
        prevalence=tabulate_prevalences(decision.expected.at_operating_points),
        subgroups=evaluate_part_by_subgroup(films, parts.test, served.scores),
        shortcuts=probe_shortcuts(classifier, films, parts, served),
        gate=gate,
        expected_decisions=replace(decision.expected, known=measure_known(films, parts.test, served.scores, rule)),
        feature_range=build_feature_range(films, parts, classifier, served.features, runs, target, decision.bands),
    )
    return write_card(target, card)


def describe_model(films: Films, parts: Parts, runs: Path, rule: DecisionRule) -> ModelCard:
    """Return the card without measurements."""
    model = Model(
        preprocessing=Preprocessing(
            version=PREPROCESSING_VERSION,
            kind="lungs",
            height=SIZE,
            width=SIZE,
            channels=1,
            resize="lung fields cut out square, aspect ratio kept, histogram equalised",
            scale="0..1",
        ),
        network=Network("EfficientNet-Lite0, average pooling, one linear head on logarithms", 3_372_289),
        training=Training(
            protocol="patient",
            seed=SEEDS[0],
            chosen_by=(
                f"mean of the weights of {len(SEEDS)} seeds, on the line from the start to it at {Recipe().share}"
            ),
            **asdict(Recipe()),
            history=_history(runs),
        ),
        split={
            name: count_part(_records(films, mask), list(films.groups[mask])) for name, mask in vars(parts).items()
        },
        threshold=THRESHOLD,
        calibration=Calibration(rule.slope, rule.intercept, rule.method),
        operating_points=OperatingPoints(rule.low, rule.high, rule.chosen_on),
        packages=SOFTWARE,
    )
    return build_card(CARD_TEXT, model)


def _records(films: Films, part: Mask) -> list[FilmRecord]:
    return [film for film, use in zip(films.records, part, strict=True) if use]


def _seed_runs(runs: Path) -> tuple[SeedRun, ...]:
    rows: list[dict[str, Any]] = json.loads((runs / SEEDS_FILE).read_text())
    return tuple(SeedRun(**row) for row in rows)


def _history(runs: Path) -> tuple[TrainingLogEntry, ...]:
    """Return the loss of the training with the first seed, every hundred steps."""
    path = runs / f"ships-{SEEDS[0]}" / "history.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text())["history"] if path.exists() else []
    return tuple(TrainingLogEntry(**row) for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data or the lung network are missing or the export failed.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.screener.build_bundle", description=DESCRIPTION)
    parser.add_argument(
        "--photographs", type=Path, nargs="+", required=True, help="folders of pictures of anything but chests"
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trainings (default {RUNS})")
    parser.add_argument("--target", type=Path, default=MODELS / "screener", help="folder of the bundle")
    options = parser.parse_args(arguments)
    try:
        card = _run_all_steps(options.runs, options.target, options.photographs)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(format_table([row for row in (card.metrics, *card.elsewhere) if row]))
    return 0


def _run_all_steps(runs: Path, target: Path, photographs: Sequence[Path]) -> ModelCard:
    root = require_data_dir()
    films = read_films(root)
    runs.mkdir(parents=True, exist_ok=True)
    keep_gate(target, runs)
    cache = fill_cache(films, target / LUNGS, frozen_part())
    train_folds(films, cache, list(folds(films)), SEEDS, runs)
    decision = build_bundle(films, cache, runs, target)
    gate = train_gate_once(target, root, photographs, runs)
    write_card(target, describe_model(films, split_films(films), runs, decision.rule))
    card = measure_bundle(films, runs, target, decision, gate)
    open_bundle(target)
    write_model_card(card)
    return card


if __name__ == "__main__":
    sys.exit(main())
