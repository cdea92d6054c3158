"""Train the gate on what a bundle's own forward pass says of films and of everything else.

``python -m ml.training.gate.train --bundle ml/models/screener --photographs FOLDER…`` writes ``gate.npz`` into the
bundle and prints how many of each kind are let through, measured on groups (patients, photographs) not trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from ml.arrays import Float32Array
from ml.data.datasets import SOURCES, load_source, require_data_dir
from ml.decoding.preprocess import load
from ml.errors import BundleError, DataSetError
from ml.inference.bundle import GATE, open_bundle
from ml.inference.classifier import Classifier
from ml.inference.gate import CLASSES, FRONTAL, MIRRORED, Gate, write_gate
from ml.inference.mirror import MirrorRule
from ml.training.gate.data import (
    PHANTOM,
    Sample,
    cuttings,
    frontal,
    kinds_of,
    made,
    nudged,
    phantoms,
    photographs,
    turned,
    views_of_others,
)
from ml.training.gate.mirror import train_mirror_rule

KEPT = 0.99  # share of frontal films the gate must let through, on groups not trained on
TURNED_FILMS = 500  # films that are also shown turned and inverted
NUDGES, CUTTINGS, MADE, PHANTOMS = 12, 25, 250, 120
STRENGTH = 0.01  # inverse of the L2 penalty; small, as there are few laterals and many features
FOLDS = 5
BATCH = 8


def samples(root: Path, photograph_folders: Sequence[Path], seed: int = 0) -> list[Sample]:
    """Every picture the gate is trained on, with its kind and group.

    Args:
        root: the folder of data sets.
        photograph_folders: pictures of anything but chests.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    records = [film for name in SOURCES for film in load_source(name, root)]
    films = [load(film.path.read_bytes()) for film in records]
    groups = [film.patient_key for film in records]
    found = list(frontal(films, groups))
    for index in rng.choice(len(films), TURNED_FILMS, replace=False):
        found += turned(films[index], groups[index])
    for other in views_of_others(root):
        found += [other, *nudged(other, NUDGES, rng)]
    for photograph in photographs(photograph_folders):
        found += [photograph, *cuttings(photograph, CUTTINGS, rng)]
    return [*found, *made(films, MADE, rng), *phantoms(PHANTOMS)]


def inputs_of(classifier: Classifier, found: Sequence[Sample]) -> Float32Array:
    """What the gate sees of each sample, [N, F]."""
    starts = tqdm(range(0, len(found), BATCH), desc="gate", unit="chunk", disable=None)
    parts = [classifier.gate_inputs([sample.pixels for sample in found[at : at + BATCH]]) for at in starts]
    return np.concatenate(parts)


def fit(inputs: Float32Array, kinds: NDArray[np.str_]) -> Gate:
    """A multinomial logistic regression, every class weighing the same; lets everything through as yet."""
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=300)
    model.fit((inputs - mean) / scale, [CLASSES.index(kind) for kind in kinds])
    weights = np.zeros((inputs.shape[1], len(CLASSES)), dtype=np.float32)
    bias = np.full(len(CLASSES), -1e3, dtype=np.float32)  # a class without samples is never chosen
    weights[:, model.classes_], bias[model.classes_] = model.coef_.T, model.intercept_
    return Gate(weights, bias, mean.astype(np.float32), scale.astype(np.float32), 0.0)


def out_of_fold(inputs: Float32Array, kinds: NDArray[np.str_], groups: Sequence[str]) -> Float32Array:
    """Probabilities [N, K] by gates that have not seen a sample's group."""
    probabilities = np.zeros((len(kinds), len(CLASSES)), dtype=np.float32)
    for train, test in GroupKFold(FOLDS).split(inputs, kinds, groups):
        probabilities[test] = fit(inputs[train], kinds[train]).probabilities(inputs[test])
    return probabilities


def threshold_for(probabilities: Float32Array, kinds: NDArray[np.str_], kept: float = KEPT) -> float:
    """The frontal probability that the share ``kept`` of the frontal films reaches; phantoms do not count."""
    frontal_films = probabilities[kinds == FRONTAL, CLASSES.index(FRONTAL)]
    return float(np.quantile(frontal_films, 1 - kept, method="lower"))


def evidence(
    probabilities: Float32Array, kinds: NDArray[np.str_], groups: Sequence[str], threshold: float
) -> dict[str, Any]:
    """For each kind: pictures, groups, and the share that is refused."""
    refused = probabilities[:, CLASSES.index(FRONTAL)] < threshold
    names = np.array(groups)
    return {
        kind: {
            "pictures": int(np.sum(kinds == kind)),
            "groups": len(np.unique(names[kinds == kind])),
            "refused": round(float(refused[kinds == kind].mean()), 4),
        }
        for kind in CLASSES
        if np.any(kinds == kind)
    }


def train_gate(bundle_path: Path, root: Path, photograph_folders: Sequence[Path]) -> dict[str, Any]:
    """Train, write ``gate.npz``, and return what the out-of-fold measurement found.

    Raises:
        BundleError: when the bundle is not complete or gives no features.
        DataSetError: when the data are not there.
    """
    (bundle_path / GATE).unlink(missing_ok=True)
    classifier = Classifier(open_bundle(bundle_path, gate=False), threads=0)
    found = samples(root, photograph_folders)
    kinds, groups = kinds_of(found), [sample.group for sample in found]
    inputs = inputs_of(classifier, found)
    real = np.array([not group.startswith(PHANTOM) for group in groups])
    probabilities = out_of_fold(inputs, kinds, groups)[real]
    threshold = threshold_for(probabilities, kinds[real])
    rule, mirrored = mirror_rule(classifier, [sample for sample in found if sample.kind == FRONTAL])
    write_gate(bundle_path / GATE, replace(fit(inputs, kinds), threshold=threshold, mirror=rule))
    return {
        "threshold": threshold,
        "out_of_fold": evidence(probabilities, kinds[real], list(np.array(groups)[real]), threshold)
        | {MIRRORED: mirrored},
    }


def mirror_rule(classifier: Classifier, upright: Sequence[Sample]) -> tuple[MirrorRule, dict[str, Any]]:
    """The rule that tells mirrored films, and what it refuses, see :func:`ml.training.gate.mirror.train_mirror_rule`.

    Args:
        classifier: the bundle's.
        upright: frontal films; phantoms are left aside.
    """
    films = [sample for sample in upright if not sample.group.startswith(PHANTOM)]
    sides = [
        ready.sides
        for at in range(0, len(films), BATCH)
        for ready in classifier.prepare([sample.pixels for sample in films[at : at + BATCH]])
        if ready.sides is not None
    ]
    return train_mirror_rule(np.stack(sides), [sample.group for sample in films])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.training.gate.train", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument(
        "--photographs", type=Path, nargs="+", required=True, help="folders of pictures of anything else"
    )
    options = parser.parse_args(arguments)
    try:
        result = train_gate(options.bundle, require_data_dir(), options.photographs)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
