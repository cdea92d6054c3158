"""Merged weights, and the statistics of batch normalisation that fit them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.training.screener import merging
from ml.training.screener.feature_cache import Cache
from ml.training.screener.merging import estimate_statistics, interpolate
from tests.ml.training.screener.test_network import untrained_part


def test_merged_weights_lie_between_the_start_and_the_mean_of_the_trainings() -> None:
    start, first, second = (untrained_part(seed) for seed in range(3))
    merged = interpolate(start, [first, second], 0.75)
    for mine, *others in zip(*(part.get_weights() for part in (merged, start, first, second)), strict=True):
        np.testing.assert_allclose(mine, 0.25 * others[0] + 0.375 * (others[1] + others[2]), atol=1e-6)


def test_statistics_are_those_of_the_drawn_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first normalisation follows a convolution: its mean must be that of the convolution's output."""
    monkeypatch.setattr(merging, "BATCHES", 3)
    monkeypatch.setattr(merging, "BATCH", 4)
    rng = np.random.default_rng(0)
    views = [rng.random((4, 14, 14, 112)).astype(np.float16)]
    views[0][1:] = 9  # films of weight 0 must not count
    network = untrained_part(0)
    blocks = network.layers[1]
    first = blocks.get_layer("block11_expand_bn")
    first.moving_mean.assign(np.full(first.moving_mean.shape, 99))
    before = network.get_weights()
    estimate_statistics(network, Cache(views, []), np.array([1.0, 0, 0, 0]))
    convolved = keras.Model(blocks.input, blocks.get_layer("block11_expand").output)(views[0][:1].astype(np.float32))
    np.testing.assert_allclose(first.moving_mean, np.mean(convolved, axis=(0, 1, 2)), atol=1e-4)
    assert first.momentum == pytest.approx(0.99)
    statistics = {id(variable) for variable in network.non_trainable_variables}
    for variable, old in zip(network.weights, before, strict=True):
        if id(variable) not in statistics:
            np.testing.assert_array_equal(variable.numpy(), old)
