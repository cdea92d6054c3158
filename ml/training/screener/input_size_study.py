"""Comparison of input sizes: ``python -m ml.training.screener.input_size_study``.

For each size: ImageNet's features of every film, one logistic regression a fold, AUROC on the sources left out.
Nothing is fine-tuned, so that five sizes are measured in minutes; films are prepared as for the screener.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import require_data_dir
from ml.errors import BundleError, DataSetError
from ml.inference.bundle import LUNGS, MODELS
from ml.inference.lung_crop import LungBox
from ml.statistics.metrics import auroc
from ml.training.screener.augment import film_view
from ml.training.screener.efficientnet import blocks, lower_part, upper_part
from ml.training.screener.feature_cache import BATCH, boxes_of
from ml.training.screener.films import Films, cell_weights, draw_validation_part, folds, read_films
from ml.training.screener.folds import RUNS
from ml.training.screener.imagenet_weights import package_weights, read_state, transfer_weights
from ml.training.screener.network import log_features
from ml.training.screener.recipe import Recipe, fit_head

DESCRIPTION = "Compare input sizes by a linear probe on ImageNet features; nothing is fine-tuned."

SIZES = (224, 256, 288, 320, 384)
VIEWS = (0, 1)  # the film as served and one augmented view, to fit on; the first is scored
KNOWN = "patients of known sources"


def pooled_features(films: Films, boxes: Sequence[LungBox], size: int, number: int) -> Float32Array:
    """Return ImageNet's pooled features of one view of every film: float32 [N, 1280].

    Raises:
        BundleError: when the package with the weights is not installed.
    """
    network = _imagenet(size)
    found = []
    for start in range(0, len(boxes), BATCH):
        part = range(start, min(start + BATCH, len(boxes)))
        views = np.stack([film_view(films.pixels[i], boxes[i], size, number, i) for i in part])
        found.append(np.asarray(network(views, training=False)))
    return np.concatenate(found)


def probe_folds(films: Films, pooled: list[Float32Array]) -> dict[str, float]:
    """Return the AUROC of a linear probe on the tests of every fold and on a share of the known sources' patients.

    Args:
        films: every film.
        pooled: features of each view, see :func:`pooled_features`.
    """
    reached = {}
    for fold in folds(films).values():
        scores = _scores(films, pooled, fold.train)
        for name, (positives, negatives) in fold.tests.items():
            part = positives | negatives
            reached[name] = round(auroc(films.labels[part], scores[part]), 4)
    everything = np.ones(len(films.records), dtype=bool)
    held_out = draw_validation_part(films, everything)
    reached[KNOWN] = round(auroc(films.labels[held_out], _scores(films, pooled, ~held_out)[held_out]), 4)
    return reached


def _scores(films: Films, pooled: list[Float32Array], among: NDArray[np.bool_]) -> Float64Array:
    weights = cell_weights(films, among)
    slope, bias = fit_head(pooled, films, weights, Recipe().head_penalty)
    return np.asarray(log_features(pooled[0]).astype(np.float64) @ slope[:, 0] + bias[0])


def _imagenet(size: int) -> keras.Model:
    cut = len(blocks())
    lower = lower_part(size, cut)
    upper = upper_part(lower.output.shape[1:], cut)
    transfer_weights(read_state(package_weights()), lower, upper)
    pooled = layers.GlobalAveragePooling2D()(upper(lower.output))
    return keras.Model(lower.input, pooled)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data, the lung network or the ImageNet weights are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.screener.input_size_study", description=DESCRIPTION)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="sides in pixels")
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of the trainings (default {RUNS})")
    options = parser.parse_args(arguments)
    try:
        films = read_films(require_data_dir())
        boxes = boxes_of(films, MODELS / "screener" / LUNGS)
        table = {}
        for size in options.sizes:
            table[str(size)] = probe_folds(films, [pooled_features(films, boxes, size, number) for number in VIEWS])
            print(size, json.dumps(table[str(size)]), flush=True)
    except (BundleError, DataSetError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    (options.runs / "sizes.json").write_text(json.dumps(table, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
