"""Training of the gate: ``python -m ml.training.gate.train --bundle ml/models/screener --photographs FOLDER…``.

The gate is trained on the features that the bundle's own network gives for films and for other pictures. The command
writes ``gate.npz`` into the bundle and prints which share of each kind of picture is refused, measured on groups
(patients, photographs) not trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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
from ml.model_card.evidence import GateEvidence, GateResult
from ml.model_card.strict_json import to_json
from ml.training.gate.data import (
    PHANTOM,
    Sample,
    frontal_films,
    generated_pictures,
    kinds_of,
    laterals_and_ct_slices,
    phantoms,
    photographs,
    random_crops,
    shifted_variants,
    turned_films,
)
from ml.training.gate.mirror import train_mirror_rule

DESCRIPTION = "Train the gate of a bundle and print which share of each kind of picture it refuses."

ACCEPTED_SHARE = 0.99  # of frontal films, on groups not trained on; sets the threshold
TURNED_FILMS = 500  # films that are also used turned and inverted
VARIANTS, CROPS, GENERATED, PHANTOMS = 12, 25, 250, 120  # of a film, of a photograph, of each kind, in all
INVERSE_PENALTY = 0.01  # of the L2 penalty; small, as there are few laterals and many features
FOLDS = 5
BATCH = 8


def collect_samples(root: Path, photograph_folders: Sequence[Path], seed: int = 0) -> list[Sample]:
    """Return every picture that the gate is trained on, with its kind and group.

    Args:
        root: the folder of data sets.
        photograph_folders: folders of pictures of anything but chests.
        seed: of every random choice.
    """
    rng = np.random.default_rng(seed)
    records = [film for name in SOURCES for film in load_source(name, root)]
    films = [load(film.path.read_bytes()).pixels for film in records]
    groups = [film.patient_key for film in records]
    samples = list(frontal_films(films, groups))
    for index in rng.choice(len(films), TURNED_FILMS, replace=False):
        samples += turned_films(films[index], groups[index])
    for other in laterals_and_ct_slices(root):
        samples += [other, *shifted_variants(other, VARIANTS, rng)]
    for photograph in photographs(photograph_folders):
        samples += [photograph, *random_crops(photograph, CROPS, rng)]
    return [*samples, *generated_pictures(films, GENERATED, rng), *phantoms(PHANTOMS)]


def gate_features(classifier: Classifier, samples: Sequence[Sample]) -> Float32Array:
    """Return the gate's input for each sample, [N, F], with a progress bar."""
    starts = tqdm(range(0, len(samples), BATCH), desc="gate", unit="chunk", disable=None)
    parts = [classifier.gate_inputs([sample.pixels for sample in samples[start : start + BATCH]]) for start in starts]
    return np.concatenate(parts)


def fit_gate(inputs: Float32Array, kinds: NDArray[np.str_]) -> Gate:
    """Fit a multinomial logistic regression, all classes weighing the same; its threshold refuses nothing yet.

    Args:
        inputs: [N, F].
        kinds: the kind of each sample, [N].
    """
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=300)
    model.fit((inputs - mean) / scale, [CLASSES.index(kind) for kind in kinds])
    weights = np.zeros((inputs.shape[1], len(CLASSES)), dtype=np.float32)
    bias = np.full(len(CLASSES), -1e3, dtype=np.float32)  # a class without samples is never chosen
    weights[:, model.classes_], bias[model.classes_] = model.coef_.T, model.intercept_
    return Gate(weights, bias, mean.astype(np.float32), scale.astype(np.float32), 0.0)


def cross_validate(inputs: Float32Array, kinds: NDArray[np.str_], groups: Sequence[str]) -> Float32Array:
    """Return probabilities [N, K] by gates that were not trained on the sample's group."""
    probabilities = np.zeros((len(kinds), len(CLASSES)), dtype=np.float32)
    for train, test in GroupKFold(FOLDS).split(inputs, kinds, groups):
        probabilities[test] = fit_gate(inputs[train], kinds[train]).probabilities(inputs[test])
    return probabilities


def choose_threshold(probabilities: Float32Array, kinds: NDArray[np.str_], accepted: float = ACCEPTED_SHARE) -> float:
    """Return the frontal probability that the share ``accepted`` of the frontal films reaches."""
    of_frontal_films = probabilities[kinds == FRONTAL, CLASSES.index(FRONTAL)]
    return float(np.quantile(of_frontal_films, 1 - accepted, method="lower"))


def count_refused(
    probabilities: Float32Array, kinds: NDArray[np.str_], groups: Sequence[str], threshold: float
) -> dict[str, GateResult]:
    """Return for each kind its pictures, its groups, and the share that is refused."""
    refused = probabilities[:, CLASSES.index(FRONTAL)] < threshold
    names = np.array(groups)
    return {
        kind: GateResult(
            pictures=int(np.sum(kinds == kind)),
            groups=len(np.unique(names[kinds == kind])),
            refused=round(float(refused[kinds == kind].mean()), 4),
        )
        for kind in CLASSES
        if np.any(kinds == kind)
    }


def train_gate(bundle_path: Path, root: Path, photograph_folders: Sequence[Path]) -> GateEvidence:
    """Train the gate, write ``gate.npz``, and return the cross-validated measurement.

    Raises:
        BundleError: when the bundle is not complete or gives no features.
        DataSetError: when the data are not there.
    """
    (bundle_path / GATE).unlink(missing_ok=True)
    classifier = Classifier(open_bundle(bundle_path, gate=False), threads=0)
    samples = collect_samples(root, photograph_folders)
    kinds, groups = kinds_of(samples), [sample.group for sample in samples]
    inputs = gate_features(classifier, samples)
    real = np.array([not group.startswith(PHANTOM) for group in groups])
    probabilities = cross_validate(inputs, kinds, groups)[real]
    threshold = choose_threshold(probabilities, kinds[real])
    rule, mirrored = train_mirror_rule_on(classifier, [sample for sample in samples if sample.kind == FRONTAL])
    write_gate(bundle_path / GATE, replace(fit_gate(inputs, kinds), threshold=threshold, mirror=rule))
    refused = count_refused(probabilities, kinds[real], list(np.array(groups)[real]), threshold)
    return GateEvidence(threshold, refused | {MIRRORED: mirrored})


def train_mirror_rule_on(classifier: Classifier, upright: Sequence[Sample]) -> tuple[MirrorRule, GateResult]:
    """Train the rule for mirrored films, see :func:`ml.training.gate.mirror.train_mirror_rule`.

    Args:
        classifier: the bundle's.
        upright: frontal films; phantoms are left out.
    """
    films = [sample for sample in upright if not sample.group.startswith(PHANTOM)]
    sides = [
        prepared.sides
        for start in range(0, len(films), BATCH)
        for prepared in classifier.prepare([sample.pixels for sample in films[start : start + BATCH]])
        if prepared.sides is not None
    ]
    return train_mirror_rule(np.stack(sides), [sample.group for sample in films])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the bundle or the data are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.gate.train", description=DESCRIPTION)
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle to add the gate to")
    parser.add_argument(
        "--photographs", type=Path, nargs="+", required=True, help="folders of pictures of anything but chests"
    )
    options = parser.parse_args(arguments)
    try:
        result = train_gate(options.bundle, require_data_dir(), options.photographs)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(to_json(result), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
