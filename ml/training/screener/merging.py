"""The weights that ship: between the start of the training and the mean of its ends with several seeds."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.training.screener.feature_cache import Cache
from ml.training.screener.network import trained_part

BATCHES, BATCH = 16, 64  # views that the statistics of batch normalisation are estimated on


def interpolate(start: keras.Model, trained: Sequence[keras.Model], share: float) -> keras.Model:
    """Return a network whose weights lie between the start and the mean of several trainings from it.

    Training makes a network better at the hospitals it is trained on and worse at others; a point on the line
    between the start and the end loses less (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
    The mean of several ends costs no more to serve than one (Wortsman et al., "Model soups", ICML 2022).

    Args:
        start: the network before training, see :func:`ml.training.screener.network.trained_part`.
        trained: the same network after it, with one or more seeds.
        share: 0 gives the start, 1 the mean of the trainings.
    """
    ends = [np.mean(layer, axis=0) for layer in zip(*(part.get_weights() for part in trained), strict=True)]
    merged = trained_part(imagenet=False)
    merged.set_weights(
        [(1 - share) * first + share * last for first, last in zip(start.get_weights(), ends, strict=True)]
    )
    return merged


def estimate_statistics(network: keras.Model, cache: Cache, weights: Float64Array) -> None:
    """Set the means and variances of batch normalisation to those of the activations of merged weights.

    Merged weights have other activations than each of the networks that they come from (Izmailov et al., "Averaging
    Weights Leads to Wider Optima and Better Generalization", UAI 2018).

    Args:
        network: the network, which is changed.
        cache: the features that the network is trained on.
        weights: how often each film is drawn, [N].
    """
    films, shares = np.nonzero(weights)[0], weights[weights > 0] / weights.sum()
    normalisations = [layer for layer in _layers(network) if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in normalisations]
    for number in range(BATCHES):
        for layer in normalisations:
            layer.momentum = number / (number + 1)  # the plain mean over the batches
        network(_draw(cache, films, shares, number), training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum


def _layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a network and of the networks in it."""
    inner = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    return [*network.layers, *(layer for part in inner for layer in _layers(part))]


def _draw(cache: Cache, films: NDArray[np.intp], shares: Float64Array, number: int) -> Float32Array:
    rng = np.random.default_rng([number, BATCHES])
    drawn, views = rng.choice(films, BATCH, p=shares), rng.integers(0, len(cache.views), BATCH)
    return np.stack([cache.views[view][film] for view, film in zip(views, drawn, strict=True)]).astype(np.float32)
