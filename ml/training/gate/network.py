"""Fitting of the gate's network: one hidden layer on standardised inputs."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.arrays import Float32Array
from ml.inference.gate import CLASSES, MAX_DEVIATION, Gate

HIDDEN, EPOCHS, BATCH, RATE = 48, 15, 256, 2e-3
DECAY, DROPOUT, INPUT_DROPOUT, SMOOTHING = 1e-4, 0.3, 0.1, 0.02
REFUSE_NOTHING = 0.0  # thresholds of a gate that was not measured yet


def fit_gate(
    inputs: Float32Array, kinds: NDArray[np.str_], sources: Sequence[str] | NDArray[np.str_], seed: int = 0
) -> Gate:
    """Fit a gate; its thresholds refuse nothing yet.

    All classes weigh the same. Within a class a source weighs by the square root of its number of pictures.

    Args:
        inputs: :func:`ml.inference.gate.gate_input` of each picture, [N, F].
        kinds: the kind of each, [N].
        sources: the source of each, [N].
        seed: of the training.
    """
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    standardised = np.clip((inputs - mean) / scale, -MAX_DEVIATION, MAX_DEVIATION)
    labels = np.array([CLASSES.index(kind) for kind in kinds])
    keras.utils.set_random_seed(seed)
    network = _network(inputs.shape[1])
    steps = EPOCHS * max(1, len(inputs) // BATCH)
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
    )
    targets = np.eye(len(CLASSES), dtype=np.float32)[labels]
    weights = picture_weights(kinds, sources)
    network.fit(standardised, targets, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    hidden, hidden_bias, out, bias = (np.asarray(values, dtype=np.float32) for values in network.get_weights())
    return Gate(mean, scale, hidden, hidden_bias, out, bias, REFUSE_NOTHING, REFUSE_NOTHING)


def picture_weights(kinds: NDArray[np.str_], sources: Sequence[str] | NDArray[np.str_]) -> Float32Array:
    """Return the weight of each picture, mean 1: kinds weigh the same, sources by the root of their pictures."""
    names = np.asarray(sources)
    weights = np.zeros(len(kinds))
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        _, source, counts = np.unique(names[of_kind], return_inverse=True, return_counts=True)
        shares = 1 / np.sqrt(counts[source])
        weights[of_kind] = shares / shares.sum()
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def _network(inputs: int) -> keras.Model:
    picture = layers.Input((inputs,))
    decay = keras.regularizers.L2(DECAY)
    x = layers.Dropout(INPUT_DROPOUT)(picture)
    x = layers.Dense(HIDDEN, activation="relu", kernel_regularizer=decay)(x)
    x = layers.Dropout(DROPOUT)(x)
    return keras.Model(picture, layers.Dense(len(CLASSES), kernel_regularizer=decay)(x))
