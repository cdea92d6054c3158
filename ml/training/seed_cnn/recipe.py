"""Training of ``seed-cnn``: the educational project's recipe with its mistakes corrected.

Batch 32, 8 steps an epoch, 20 epochs, binary cross-entropy, Adam at its default rate. The epoch with
the lowest loss on the validation films is saved; the test films are not used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.arrays import Float32Array
from ml.data.datasets import FilmRecord
from ml.data.splits import Split
from ml.decoding.preprocess import InputSpec, load, to_input
from ml.training.seed_cnn.augment import seed_augment
from ml.training.seed_cnn.network import seed_cnn

INPUT = InputSpec(height=224, width=224, channels=3)
BATCH = 32
STEPS_AN_EPOCH = 8
EPOCHS = 20


def load_arrays(films: Sequence[FilmRecord]) -> tuple[Float32Array, Float32Array]:
    """Load films in the same steps as the worker.

    Returns:
        float32 [N, 224, 224, 3] in 0..1, and labels float32 [N].
    """
    pictures = np.stack([to_input(load(film.path.read_bytes()).pixels, INPUT) for film in films])
    return pictures, np.array([film.label for film in films], dtype=np.float32)


class AugmentedBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Batches that depend on seed, epoch and step only, so that a resumed training gives the same result."""

    def __init__(self, films: Float32Array, labels: Float32Array, seed: int) -> None:
        super().__init__()
        self._films, self._labels, self._seed = films, labels, seed
        self.epoch = 0

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __getitem__(self, step: int) -> tuple[Float32Array, Float32Array]:
        rng = np.random.default_rng([self._seed, self.epoch, step])
        order = np.random.default_rng([self._seed, self.epoch]).permutation(len(self._films))
        picked = np.resize(order, (STEPS_AN_EPOCH, BATCH))[step]
        return seed_augment(self._films[picked], rng), self._labels[picked]


class _EpochSetter(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that tells the batches their epoch, also after a resume."""

    def __init__(self, batches: AugmentedBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batches.epoch = epoch


def train(split: Split, seed: int, run: Path, epochs: int = EPOCHS) -> None:
    """Train one network and write ``weights.keras`` (best epoch) and ``history.json`` into a folder.

    An interrupted training resumes at the last complete epoch; a finished one is not repeated.

    Args:
        split: training and validation films.
        seed: of initial weights, order and augmentation.
        run: the folder, created where it is missing.
        epochs: passes of 8 steps.
    """
    if (run / "history.json").exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    network = seed_cnn()
    network.compile(keras.optimizers.Adam(), "binary_crossentropy", metrics=["accuracy"])
    batches = AugmentedBatches(*load_arrays(split.train), seed)
    log = run / "epochs.csv"
    network.fit(
        batches,
        epochs=epochs,
        validation_data=load_arrays(split.validation),
        validation_batch_size=BATCH,
        verbose=2,
        callbacks=[
            keras.callbacks.BackupAndRestore(run / "backup"),
            _EpochSetter(batches),
            keras.callbacks.CSVLogger(log, append=True),
            # Starts from the best loss so far, or a resume would overwrite a better epoch.
            keras.callbacks.ModelCheckpoint(
                run / "weights.keras",
                monitor="val_loss",
                save_best_only=True,
                initial_value_threshold=_best_loss(log),
            ),
        ],
    )
    (run / "history.json").write_text(json.dumps(read_log(log), indent=1) + "\n")


def read_log(log: Path) -> list[dict[str, float]]:
    """Read the epochs of a training log; an epoch written twice around a resume counts once."""
    header, *lines = log.read_text().splitlines() or [""]  # empty when the first epoch was interrupted
    names = header.split(",")
    rows = [dict(zip(names, map(float, line.split(",")), strict=True)) for line in lines]
    return list({row["epoch"]: row for row in rows}.values())


def _best_loss(log: Path) -> float | None:
    return min((row["val_loss"] for row in read_log(log)), default=None) if log.exists() else None
