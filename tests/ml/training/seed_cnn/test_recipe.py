"""A training that can be interrupted, goes on where it was and is the same for the same seed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from ml.arrays import Float32Array
from ml.data.splits import Split
from ml.inference.bundle import sha256_of
from ml.training.seed_cnn import recipe
from ml.training.seed_cnn.recipe import AugmentedBatches, load_arrays, read_log, train
from tests.ml.helpers import phantom_file, record

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own


@pytest.fixture(autouse=True)
def _small_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "BATCH", 2)
    monkeypatch.setattr(recipe, "STEPS_AN_EPOCH", 2)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder = tmp_path_factory.mktemp("films")
    films = [
        record(phantom_file(folder / f"{seed}.png", seed, opacities=seed % 2), finding=("normal", "covid")[seed % 2])
        for seed in range(6)
    ]
    return Split(films[:4], films[4:], [], [])


def interrupt_at(monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    """End the process' training, as a kill would, when an epoch begins."""
    begin = recipe._EpochSetter.on_epoch_begin

    def on_epoch_begin(self: Any, epoch: int, logs: Any = None) -> None:
        if epoch == stop:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    monkeypatch.setattr(recipe._EpochSetter, "on_epoch_begin", on_epoch_begin)


def test_training_leaves_weights_and_history_and_runs_once(split: Split, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "patient-0"
    train(split, 0, run, epochs=2)
    history = json.loads((run / "history.json").read_text())
    assert [row["epoch"] for row in history] == [0, 1]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history[0])
    network = keras.models.load_model(run / "weights.keras")
    films, labels = load_arrays(split.validation)
    loss = float(np.asarray(keras.losses.binary_crossentropy(labels[:, None], network(films))).mean())
    assert loss == pytest.approx(min(row["val_loss"] for row in history), abs=1e-4)

    before = sha256_of(run / "weights.keras")
    # Would fail on its missing films if it looked at them.
    train(Split([], [], [], []), 0, run, epochs=2)
    assert sha256_of(run / "weights.keras") == before


def interrupted(split: Split, run: Path, monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, epoch)
        with pytest.raises(KeyboardInterrupt):
            train(split, 0, run, epochs=2)
    assert not (run / "history.json").exists()


def test_a_training_interrupted_in_its_first_epoch_starts_again(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(split, tmp_path, monkeypatch, 0)
    assert read_log(tmp_path / "epochs.csv") == []
    train(split, 0, tmp_path, epochs=2)
    assert [row["epoch"] for row in read_log(tmp_path / "epochs.csv")] == [0, 1]
    assert (tmp_path / "weights.keras").exists()


def test_an_interrupted_training_goes_on_and_keeps_its_best_epoch(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(split, tmp_path, monkeypatch, 1)
    log = tmp_path / "epochs.csv"
    (first,) = read_log(log)
    # As if the first epoch had been perfect: no later one may take its place.
    perfect = {**first, "val_loss": 0.0}
    log.write_text("\n".join([",".join(perfect), ",".join(map(str, perfect.values())), ""]))
    best = sha256_of(tmp_path / "weights.keras")
    taken = []
    take = AugmentedBatches.__getitem__

    def watched(self: Any, step: int) -> Any:
        taken.append((self.epoch, step))
        return take(self, step)

    monkeypatch.setattr(AugmentedBatches, "__getitem__", watched)
    train(split, 0, tmp_path, epochs=2)
    assert [row["epoch"] for row in read_log(log)] == [0, 1]
    assert taken[-2:] == [(1, 0), (1, 1)]  # Keras looks at two batches before, for their shapes
    assert sha256_of(tmp_path / "weights.keras") == best


def test_films_and_labels_are_loaded_as_the_worker_does(split: Split) -> None:
    films, labels = load_arrays(split.train)
    assert films.shape == (4, 224, 224, 3)
    assert labels.tolist() == [0, 1, 0, 1]
    assert 0 <= films.min() < films.max() <= 1


def batch(seed: int, epoch: int, step: int, films: int = 5) -> tuple[Float32Array, list[float]]:
    """Labels tell which films were picked."""
    pictures = np.random.default_rng(9).random((films, 16, 16, 3), dtype=np.float32)
    batches = AugmentedBatches(pictures, np.arange(films, dtype=np.float32), seed)
    batches.epoch = epoch
    pixels, labels = batches[step]
    return pixels, labels.tolist()


def test_batches_depend_on_seed_epoch_and_step_alone() -> None:
    pixels, labels = batch(1, 3, 1)
    again, labels_again = batch(1, 3, 1)
    assert np.array_equal(pixels, again)
    assert labels == labels_again
    for other in ((2, 3, 1), (1, 4, 1), (1, 3, 0)):
        assert not np.array_equal(pixels, batch(*other)[0])


def test_an_epoch_shows_no_film_twice_before_it_has_shown_all() -> None:
    shown = [label for step in range(2) for label in batch(0, 0, step)[1]]
    assert len(shown) == len(set(shown)) == 4
    few = [label for step in range(2) for label in batch(0, 0, step, films=3)[1]]
    assert set(few) == {0, 1, 2}


def test_an_epoch_has_the_steps_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (recipe.BATCH, recipe.STEPS_AN_EPOCH, recipe.EPOCHS) == (32, 8, 20)
    batches = AugmentedBatches(np.zeros((40, 4, 4, 3), np.float32), np.zeros(40, np.float32), 0)
    assert len(batches) == 8
    assert batches[7][0].shape == (32, 4, 4, 3)


def test_an_epoch_written_twice_counts_once_the_later_time(tmp_path: Path) -> None:
    log = tmp_path / "epochs.csv"
    log.write_text("epoch,loss,val_loss\n0,0.9,0.8\n1,0.7,0.6\n1,0.65,0.5\n2,0.4,0.3\n")
    assert read_log(log) == [
        {"epoch": 0, "loss": 0.9, "val_loss": 0.8},
        {"epoch": 1, "loss": 0.65, "val_loss": 0.5},
        {"epoch": 2, "loss": 0.4, "val_loss": 0.3},
    ]
