"""The screener: EfficientNet-Lite0 with one linear head, whose class activation map is part of the forward pass.

The head is linear and the pooling an average, so the mean of the map over the film *is* the logit (Zhou et al.,
"Learning Deep Features for Discriminative Localization", CVPR 2016): the heatmap explains the score exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from ml.arrays import Float32Array
from ml.training.screener.efficientnet import HEAD_CHANNELS, lower_part, upper_part
from ml.training.screener.imagenet_weights import package_weights, read_state, transfer_weights

SIZE = 224  # pixels
CUT = 11  # blocks 0 to 10 stay frozen; the cache holds their output, 14 x 14 x 112
DROPOUT = 0.3
HEAD = "covid"


def frozen_part() -> keras.Model:
    """Build the lower part with ImageNet weights: float32 [N, 224, 224, 1] in 0..1 -> [N, 14, 14, 112].

    Raises:
        BundleError: when the package with the weights is not installed.
    """
    part = lower_part(SIZE, CUT)
    transfer_weights(read_state(package_weights()), part)
    part.trainable = False
    return part


def trained_part(*, imagenet: bool = True) -> keras.Model:
    """Build the part that is trained: float32 [N, 14, 14, 112] -> logit [N, 1].

    Batch normalisation is trained too: with its statistics frozen the same recipe was unstable
    (loss 0.50 instead of 0.39, Hannover against NIH 0.76 instead of 0.82).

    Args:
        imagenet: start from ImageNet weights; otherwise weights are loaded afterwards.

    Raises:
        BundleError: when the package with the weights is not installed.
    """
    blocks = upper_part(lower_part(SIZE, CUT).output.shape[1:], CUT)
    if imagenet:
        transfer_weights(read_state(package_weights()), blocks)
    features = layers.Input(blocks.input.shape[1:], name="lower_features")
    pooled = layers.GlobalAveragePooling2D(name="pool")(blocks(features))
    head = layers.Dense(1, kernel_initializer="zeros", name=HEAD)
    return keras.Model(features, head(layers.Dropout(DROPOUT)(pooled)), name="screener-trained")


def screener(frozen: keras.Model, trained: Sequence[keras.Model], gain: float = 1.0) -> keras.Model:
    """Build the complete network of the bundle.

    Args:
        frozen: :func:`frozen_part`.
        trained: one or more of :func:`trained_part`, trained with different seeds from the same start; their
            weights are averaged (Wortsman et al., "Model soups", ICML 2022), so that several cost no more than one.
        gain: factor on the logit; 1 leaves it as trained.

    Returns:
        model, float32 [N, 224, 224, 1] in 0..1 -> ``logit`` [N, 1], ``map`` [N, 7, 7] in logits, whose mean over a
        film is its logit, ``features`` [N, 1280].
    """
    blocks = upper_part(frozen.output.shape[1:], CUT)
    source = [part.get_layer(blocks.name) for part in trained]
    blocks.set_weights(_mean([part.get_weights() for part in source]))
    weight, bias = _mean([part.get_layer(HEAD).get_weights() for part in trained])
    head = layers.Dense(1, name=HEAD)
    activation = blocks(frozen.output)
    features = layers.GlobalAveragePooling2D(name="features")(activation)
    logit = head(features)
    heat = layers.Reshape(activation.shape[1:3], name="map")(head(activation))
    head.set_weights([weight.reshape(HEAD_CHANNELS, 1) * gain, bias * gain])
    outputs = {"logit": layers.Identity(name="logit")(logit), "map": heat, "features": features}
    return keras.Model(frozen.input, outputs, name="screener")


def _mean(weights: Sequence[Sequence[Float32Array]]) -> list[Float32Array]:
    return [np.mean(layer, axis=0) for layer in zip(*weights, strict=True)]
