"""The architecture of ``seed-cnn``. Importing this imports TensorFlow."""

from __future__ import annotations

import keras
from keras import layers

SEED_CNN_PARAMETERS = 5_668_097


def seed_cnn() -> keras.Model:
    """Build the educational project's network: 224 × 224 × 3 in, P(COVID-19) out, 5,668,097 parameters.

    Four 3 × 3 convolutions without padding, three of them followed by pooling, dropout 0.25 after each pooling
    and 0.5 before the sigmoid.

    Returns:
        an uncompiled model, float32 [N, 224, 224, 3] in 0..1 -> float32 [N, 1].
    """
    network = keras.Sequential(
        [
            layers.Input((224, 224, 3), name="film"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid", name="p_covid"),
        ],
        name="seed-cnn",
    )
    if network.count_params() != SEED_CNN_PARAMETERS:
        raise AssertionError(f"seed-cnn has {network.count_params():,} parameters")
    return network
