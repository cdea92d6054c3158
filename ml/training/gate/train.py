"""Training of the gate: ``python -m ml.training.gate.train --bundle ml/models/screener --photographs FOLDER…``.

The gate is trained on what the bundle's lung network and the layout of the picture tell of films and of other
pictures. It does not depend on the network that scores, so it stays when that is trained again. The command writes
``gate.npz`` into the bundle and prints what gates decide on hospitals and recipes that they were not trained on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.data.datasets import require_data_dir
from ml.errors import BundleError, DataSetError
from ml.evaluation.card_builder import write_card
from ml.evaluation.card_markdown import write_model_card
from ml.inference.bundle import GATE, LUNGS, open_bundle, sha256_of
from ml.inference.classifier import Classifier
from ml.inference.gate import FRONTAL, Gate, write_gate
from ml.inference.mirror import MirrorRule
from ml.model_card.card import CARD, CardError, read_card
from ml.model_card.evidence import GateEvidence
from ml.model_card.strict_json import from_json, to_json
from ml.training.gate.data import collect_samples
from ml.training.gate.evidence import Thresholds, choose_thresholds, measure_gate
from ml.training.gate.folds import HOSPITALS, cross_validate, gate_folds
from ml.training.gate.inputs import GateInputs, compute_inputs, read_inputs, write_inputs
from ml.training.gate.network import fit_gate
from ml.training.gate.rules import fit_interface_rule, fit_mirror_weights

DESCRIPTION = "Train the gate of a bundle and print what it decides on hospitals and recipes not trained on."

GATE_EVIDENCE = "gate.json"  # in the folder of trainings, beside the gate


def train_gate(
    bundle_path: Path, root: Path, photograph_folders: Sequence[Path], cache: Path | None = None
) -> GateEvidence:
    """Train the gate, write ``gate.npz``, and return the measurement.

    Args:
        bundle_path: the bundle.
        root: the folder of data sets.
        photograph_folders: folders of pictures of anything but chests.
        cache: a file for the inputs of all pictures, so that a later call does not compute them again.

    Raises:
        BundleError: when the bundle is not complete or its lung network has no output for a gate.
        DataSetError: when the data are not there.
    """
    if cache is not None and cache.exists():
        pictures = read_inputs(cache)
    else:
        (bundle_path / GATE).unlink(missing_ok=True)
        classifier = Classifier(open_bundle(bundle_path, gate=False), threads=0)
        pictures = compute_inputs(classifier, collect_samples(root, photograph_folders))
        if cache is not None:
            write_inputs(cache, pictures)
    results = cross_validate(pictures, gate_folds(pictures.sources))
    thresholds = choose_thresholds(pictures, results)
    write_gate(bundle_path / GATE, fit_complete_gate(pictures, thresholds))
    return replace(measure_gate(pictures, results, thresholds), lungs=sha256_of(bundle_path / LUNGS))


def keep_gate(bundle_path: Path, runs: Path) -> None:
    """Copy a bundle's gate and its evidence to the folder of trainings, if it fits the bundle's lung network.

    The gate does not depend on the network that scores, so a new training of that network keeps it.

    Args:
        bundle_path: the bundle, as yet with its old card.
        runs: the folder of trainings.
    """
    try:
        evidence = read_card(bundle_path / CARD).gate
    except CardError:
        return
    if evidence and (bundle_path / GATE).exists() and evidence.lungs == sha256_of(bundle_path / LUNGS):
        shutil.copy(bundle_path / GATE, runs / GATE)
        (runs / GATE_EVIDENCE).write_text(json.dumps(to_json(evidence), indent=1))


def train_gate_once(bundle_path: Path, root: Path, photograph_folders: Sequence[Path], runs: Path) -> GateEvidence:
    """Put a gate into a bundle: that of the folder of trainings, if it fits the lung network, or a new one.

    Raises:
        BundleError, DataSetError: as :func:`train_gate`.
    """
    stored, lungs = runs / GATE_EVIDENCE, sha256_of(bundle_path / LUNGS)
    if stored.exists() and (runs / GATE).exists():
        evidence = from_json(GateEvidence, json.loads(stored.read_text()))
        if evidence.lungs == lungs:
            shutil.copy(runs / GATE, bundle_path / GATE)
            return evidence
    evidence = train_gate(bundle_path, root, photograph_folders, runs / f"gate-inputs-{lungs[:12]}.npz")
    shutil.copy(bundle_path / GATE, runs / GATE)
    stored.write_text(json.dumps(to_json(evidence), indent=1))
    return evidence


def fit_complete_gate(pictures: GateInputs, thresholds: Thresholds) -> Gate:
    """Fit the gate and its rules on every picture."""
    gate = fit_gate(pictures.inputs, pictures.kinds, pictures.sources)
    interface = fit_interface_rule(gate, pictures, np.ones(len(pictures.kinds), dtype=bool))
    of_hospitals = (pictures.kinds == FRONTAL) & np.isin(pictures.sources, HOSPITALS)
    sides = fit_mirror_weights(pictures.sides[of_hospitals])
    return replace(
        gate,
        refuse_below=thresholds.refuse_below,
        accept_from=thresholds.accept_from,
        interface=replace(interface, threshold=thresholds.interface),
        mirror=MirrorRule(sides, thresholds.mirrored, thresholds.may_be_mirrored),
    )


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
    parser.add_argument("--cache", type=Path, help="file that keeps the inputs of all pictures for the next call")
    parser.add_argument("--write-card", action="store_true", help="also write the card and docs/model-card.md")
    options = parser.parse_args(arguments)
    try:
        evidence = train_gate(options.bundle, require_data_dir(), options.photographs, options.cache)
        if options.write_card:
            card = open_bundle(options.bundle, gate=False).card
            write_model_card(write_card(options.bundle, replace(card, gate=evidence)))
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(to_json(evidence), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
