"""Float graphs of the folds and of the bundle, each with the films to calibrate on and to test on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.arrays import Float32Array
from ml.data.split_file import trained_patients
from ml.errors import BundleError
from ml.inference.bundle import SPLIT, Bundle
from ml.inference.classifier import Classifier
from ml.training.screener.films import Films, Mask, folds

BATCH = 8
KNOWN = "patients of known sources"


@dataclass(frozen=True)
class MeasuredGraph:
    """A float graph with the films that it may be calibrated on and those that it is tested on.

    Attributes:
        path: the ONNX file.
        train: films of its training, [N].
        tests: for each test its films, [N].
    """

    path: Path
    train: Mask
    tests: dict[str, Mask]


def prepare_inputs(bundle: Bundle, films: Films) -> Float32Array:
    """Return the network's input of every film, as served: float32 [N, height, width, channels]."""
    classifier = Classifier(bundle)
    parts = [films.pixels[start : start + BATCH] for start in range(0, len(films.pixels), BATCH)]
    return np.concatenate([np.stack([ready.input for ready in classifier.prepare(part)]) for part in parts])


def fold_graphs(films: Films, runs: Path, names: Sequence[str] | None = None) -> dict[str, MeasuredGraph]:
    """Return the graph of each fold's first seed at the end of its training.

    It is exported to ``runs/FOLD-0/screener.onnx`` where it is not yet.

    Args:
        films: every film.
        runs: folder of the trainings.
        names: only these folds; ``None`` for all.

    Raises:
        BundleError: when a fold is not trained or the export fails.
    """
    found = {}
    for name, fold in folds(films).items():
        if names and name not in names:
            continue
        path = runs / f"{name}-0" / "screener.onnx"
        if not path.exists():
            _export_fold(path)
        tests = {test: positives | negatives for test, (positives, negatives) in fold.tests.items()}
        found[name] = MeasuredGraph(path, fold.train, tests)
    return found


def _export_fold(path: Path) -> None:
    import keras  # only where a fold is not exported yet: it takes seconds

    from ml.training.onnx_export import export
    from ml.training.screener.network import frozen_part, screener

    trained = path.with_name("trained.keras")
    if not trained.exists():
        name = path.parent.name.rpartition("-")[0]
        raise BundleError(f"fold {name} is not trained; run `python -m ml.training.screener.folds --folds {name}`")
    export(screener(frozen_part(), keras.models.load_model(trained, compile=False)), path)


def bundle_graph(films: Films, bundle: Bundle) -> dict[str, MeasuredGraph]:
    """Return the bundle's graph with the patients of its training and all others."""
    known = trained_patients(bundle.path / SPLIT)
    train = np.array([film.patient_key in known for film in films.records])
    return {bundle.name: MeasuredGraph(bundle.graph, train, {KNOWN: ~train})}


def draw_calibration(films: Films, among: Mask, count: int, seed: int = 0) -> list[int]:
    """Return the positions of films to calibrate on, equally many of each source and finding.

    Args:
        films: every film.
        among: the films to draw from, [N].
        count: about how many; each pair of source and finding has at least one.
        seed: of the draw.
    """
    cells = np.array([f"{s} {f}" for s, f in zip(films.sources, films.findings, strict=True)])
    names, rng = np.unique(cells[among]), np.random.default_rng(seed)
    drawn: list[int] = []
    for name in names:
        members = np.nonzero(among & (cells == name))[0]
        drawn += rng.choice(members, min(-(-count // len(names)), len(members)), replace=False).tolist()
    return sorted(drawn)
