"""An interrupted training continues where it was and ends where an uninterrupted one does."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from ml.training.screener import recipe
from ml.training.screener.feature_cache import Cache
from ml.training.screener.films import cell_weights
from ml.training.screener.recipe import Recipe, fit_head, train, train_seeds
from tests.ml.training.screener.test_network import some_films

SHORT = Recipe(steps=8, batch=4)


def tiny_part() -> keras.Model:
    """As the trained part, without the blocks and without dropout."""
    given = layers.Input((14, 14, 112))
    wide = layers.Conv2D(1280, 1, kernel_initializer="ones", activation="relu")(given)
    pooled = layers.GlobalAveragePooling2D(name="pool")(wide)
    return keras.Model(given, layers.Dense(1, name="covid")(pooled))


def a_cache(films: int) -> Cache:
    rng = np.random.default_rng(0)
    views = [rng.random((films, 14, 14, 112)).astype(np.float16) for _ in range(2)]
    return Cache(views, [rng.random((films, 1280)).astype(np.float32)])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "trained_part", tiny_part)
    monkeypatch.setattr(recipe, "CHECKPOINT_STEPS", 2)
    monkeypatch.setattr(recipe, "AVERAGE_EVERY", 1)


def test_interrupted_training_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = some_films()
    cache, among = a_cache(len(films.records)), np.ones(len(films.records), dtype=bool)
    whole = train(films, cache, among, tmp_path / "whole", 1, SHORT)
    draw = recipe._Run._batch

    def interrupted(run: recipe._Run, step: int) -> object:
        if step == 5:
            raise KeyboardInterrupt
        return draw(run, step)

    monkeypatch.setattr(recipe._Run, "_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(films, cache, among, tmp_path / "parted", 1, SHORT)
    monkeypatch.setattr(recipe._Run, "_batch", draw)
    parted = train(films, cache, among, tmp_path / "parted", 1, SHORT)
    for mine, theirs in zip(parted.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    history = json.loads((tmp_path / "parted" / "history.json").read_text())
    assert [row["step"] for row in history["history"]] == [2, 4, 6, 8]
    assert not (tmp_path / "parted" / "checkpoint.npz").exists()


def test_finished_training_is_opened_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = some_films()
    cache, among = a_cache(len(films.records)), np.ones(len(films.records), dtype=bool)
    first = train(films, cache, among, tmp_path, 0, Recipe(steps=2, batch=4))
    monkeypatch.setattr(recipe, "trained_part", None)
    second = train(films, cache, among, tmp_path, 0, SHORT)
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_first_head_separates_what_can_be_separated() -> None:
    films = some_films()
    features = np.random.default_rng(0).random((len(films.records), 1280)).astype(np.float32)
    features[:, 7] += films.labels
    weights = np.ones(len(films.records)) / len(films.records)
    slope, bias = fit_head([features], films, weights, 1.0)
    scores = features @ slope + bias
    assert scores[films.labels == 1].min() > scores[films.labels == 0].max()


def test_seeds_are_merged_and_the_head_fits_the_merged_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.training.screener.merging.trained_part", lambda **_: tiny_part())
    films = some_films()
    cache, among = a_cache(len(films.records)), np.ones(len(films.records), dtype=bool)
    merged, alone = train_seeds(films, cache, among, tmp_path / "run", (0, 1), SHORT)
    assert set(alone) == {0, 1}
    ends = [keras.models.load_model(tmp_path / f"run-{seed}" / "trained.keras", compile=False) for seed in (0, 1)]
    first = tiny_part().layers[1].get_weights()[0]
    expected = 0.25 * first + 0.375 * sum(end.layers[1].get_weights()[0] for end in ends)
    np.testing.assert_allclose(merged.layers[1].get_weights()[0], expected, atol=1e-5)
    pooled = keras.Model(merged.input, merged.get_layer("pool").output)(cache.views[0].astype(np.float32))
    pooled = np.asarray(pooled).astype(np.float16).astype(np.float32)
    fitted = fit_head([pooled], films, cell_weights(films, among), SHORT.head_penalty)
    np.testing.assert_allclose(merged.get_layer("covid").get_weights()[0], fitted[0], atol=1e-4)
