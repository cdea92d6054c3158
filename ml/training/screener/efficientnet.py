"""EfficientNet-Lite in Keras for one grey channel, in two parts, so that the lower one can be frozen and cached.

Architecture: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, in the Lite form of the TensorFlow TPU repository (models/official/efficientnet/lite, Apache-2.0):
no squeeze-and-excitation, ReLU6 for swish, stem and head not scaled. Importing this imports TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
from keras import layers

EPSILON = 1e-3  # of batch normalisation, as in the original
MOMENTUM = 0.99
HEAD_CHANNELS = 1280
STEM_CHANNELS = 32
# Google's inputs are (value - 127) / 128 of 0..255; ours are 0..1.
SCALE, OFFSET = 255.0 / 128.0, -127.0 / 128.0


@dataclass(frozen=True)
class Block:
    """An inverted-residual block: expand by ``expand``, convolve depthwise, project to ``channels``."""

    kernel: int
    stride: int
    expand: int
    channels: int


# repeats, kernel, first stride, expansion, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# width and depth coefficient
VARIANTS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}


def blocks(variant: str = "lite0") -> list[Block]:
    """Return the blocks of a variant, in order.

    Raises:
        KeyError: for a name that is not in ``VARIANTS``.
    """
    width, depth = VARIANTS[variant]
    out: list[Block] = []
    for stage, (repeats, kernel, stride, expand, channels) in enumerate(_STAGES):
        fixed = stage in {0, len(_STAGES) - 1}  # the Lite form does not deepen the first and the last stage
        times, filters = repeats if fixed else math.ceil(depth * repeats), _round_channels(channels * width)
        out += [Block(kernel, 1 if repeat else stride, expand, filters) for repeat in range(times)]
    return out


def lower_part(size: int, cut: int, variant: str = "lite0", channels: int = 1) -> keras.Model:
    """Build the stem and the first ``cut`` blocks.

    Args:
        size: height and width of the film in pixels.
        cut: blocks in this part.
        variant: a key of ``VARIANTS``.
        channels: 1; 3 only to compare the converted weights with the original.

    Returns:
        model, float32 [N, size, size, channels] in 0..1 -> float32 [N, h, w, c].
    """
    film = layers.Input((size, size, channels), name="film")
    x = layers.Rescaling(SCALE, OFFSET, name="google_scale")(film)
    x = layers.Conv2D(STEM_CHANNELS, 3, 2, "same", use_bias=False, name="stem")(x)
    x = _normalise(x, "stem")
    return keras.Model(film, _run_blocks(x, blocks(variant), 0, cut), name=f"{variant}-lower{cut}")


def upper_part(shape: tuple[int, int, int], cut: int, variant: str = "lite0") -> keras.Model:
    """Build the blocks from ``cut`` on and the last 1 × 1 convolution.

    Args:
        shape: height, width and channels of the output of :func:`lower_part`.
        cut: the first block of this part.
        variant: a key of ``VARIANTS``.

    Returns:
        model, float32 [N, *shape] -> float32 [N, h, w, 1280], each in 0..6.
    """
    features = layers.Input(shape, name="lower_features")
    x = _run_blocks(features, blocks(variant), cut, len(blocks(variant)))
    x = layers.Conv2D(HEAD_CHANNELS, 1, use_bias=False, name="head")(x)
    return keras.Model(features, _normalise(x, "head"), name=f"{variant}-upper{cut}")


def _run_blocks(x: keras.KerasTensor, plan: list[Block], start: int, stop: int) -> keras.KerasTensor:
    for index in range(start, stop):
        x = _block(x, plan[index], f"block{index:02d}")
    return x


def _block(x: keras.KerasTensor, block: Block, name: str) -> keras.KerasTensor:
    block_input, width = x, x.shape[-1]
    if block.expand != 1:
        x = layers.Conv2D(width * block.expand, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _normalise(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(block.kernel, block.stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
    x = _normalise(x, f"{name}_depthwise")
    x = layers.Conv2D(block.channels, 1, use_bias=False, name=f"{name}_project")(x)
    x = _normalise(x, f"{name}_project", activate=False)
    if block.stride == 1 and width == block.channels:
        x = layers.Add(name=f"{name}_add")([x, block_input])
    return x


def _normalise(x: keras.KerasTensor, name: str, *, activate: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x) if activate else x


def _round_channels(channels: float, divisor: int = 8) -> int:
    """Return the nearest multiple of 8 that is not more than a tenth lower, as the original rounds."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor
