"""The screener: EfficientNet-Lite0 with a head on the logarithm of its pooled features, and its activation map.

The map is a class activation map (Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016)
for this head: what a channel adds to the logit is distributed over the cells in proportion to the channel's
activation there. So the mean of the map over the film *is* the logit: the heatmap explains the score exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ml.arrays import Float32Array
from ml.training.screener.efficientnet import lower_part, upper_part
from ml.training.screener.imagenet_weights import package_weights, read_state, transfer_weights

SIZE = 224  # pixels
CUT = 11  # blocks 0 to 10 stay frozen; the cache holds their output, 14 x 14 x 112
DROPOUT = 0.3
HEAD = "covid"
FLOOR = 0.02  # of the pooled features, before the logarithm; they are 0 to 6, most of them below 0.3
LOG_SCALE = (
    0.25  # brings the logarithms to the range of the features themselves, so that the learning rate suits both
)


@keras.saving.register_keras_serializable("screener")
class LogFeatures(layers.Layer):  # type: ignore[misc]
    """The logarithm of pooled features: float32 [N, C], not negative -> [N, C], not negative; 0 stays 0."""

    def call(self, pooled: keras.KerasTensor) -> keras.KerasTensor:
        """Return the logarithms."""
        return ops.log(pooled / FLOOR + 1) * LOG_SCALE  # ONNX has no log1p


class ExplainedMap(layers.Layer):  # type: ignore[misc]
    """The activation map of a linear head on :class:`LogFeatures`: its mean over a film is the film's logit.

    Input: activation [N, h, w, C], pooled [N, C], its logarithms [N, C]. Output: [N, h, w], in logits.
    """

    def __init__(self, head: layers.Dense, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.head = head

    def call(self, inputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        """Return the maps."""
        activation, pooled, logarithms = inputs
        height, width, channels = activation.shape[1:]
        share = logarithms / (pooled + 1e-6) * ops.transpose(self.head.kernel)  # a channel's logits for its mean of 1
        cells = ops.matmul(ops.reshape(activation, (-1, height * width, channels)), ops.expand_dims(share, -1))
        return ops.reshape(cells, (-1, height, width)) + self.head.bias


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
    logarithms = LogFeatures(name="logarithms")(pooled)
    head = layers.Dense(1, kernel_initializer="zeros", name=HEAD)
    return keras.Model(features, head(layers.Dropout(DROPOUT)(logarithms)), name="screener-trained")


def log_features(pooled: Float32Array) -> Float32Array:
    """Return what :class:`LogFeatures` makes of pooled features, [N, C] -> [N, C]."""
    return np.asarray(np.log1p(pooled / np.float32(FLOOR)) * np.float32(LOG_SCALE), dtype=np.float32)


def screener(frozen: keras.Model, trained: keras.Model) -> keras.Model:
    """Build the complete network of the bundle.

    Args:
        frozen: :func:`frozen_part`.
        trained: :func:`trained_part` with its final weights.

    Returns:
        model, float32 [N, 224, 224, 1] in 0..1 -> ``logit`` [N, 1], ``map`` [N, 7, 7] in logits, whose mean over a
        film is its logit, ``features`` [N, 1280], pooled, before the logarithm.
    """
    blocks = upper_part(frozen.output.shape[1:], CUT)
    blocks.set_weights(trained.get_layer(blocks.name).get_weights())
    activation = blocks(frozen.output)
    features = layers.GlobalAveragePooling2D(name="features")(activation)
    logarithms = LogFeatures(name="logarithms")(features)
    head = layers.Dense(1, name=HEAD)
    logit = head(logarithms)
    head.set_weights(trained.get_layer(HEAD).get_weights())
    heat = ExplainedMap(head, name="map")([activation, features, logarithms])
    outputs = {"logit": layers.Identity(name="logit")(logit), "map": heat, "features": features}
    return keras.Model(frozen.input, outputs, name="screener")
