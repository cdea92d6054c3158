"""The U-Net that finds the lung fields, and its training: ``python -m ml.training.lung_fields --masks FILE.zip``.

Masks: hand-drawn lung fields for films of ``covid-chestxray-dataset``, by file name, from the file
``data/semantic_masks_v7labs_lungs.zip`` of the package ``torchxrayvision``. Architecture: Ronneberger et al.,
"U-Net", MICCAI 2015, much narrower and with an output of half the input's resolution, as only a box is needed.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers, ops
from onnx import TensorProto, helper
from PIL import Image

from ml.arrays import Float32Array
from ml.data.datasets import load_source, require_data_dir
from ml.decoding.preprocess import Grey, load
from ml.errors import BundleError, DataSetError
from ml.inference.bundle import LUNGS, MODELS
from ml.inference.lung_crop import CONTEXT, CONTEXT_FEATURES, MASK_INPUT, MASK_SIDE, mask_input
from ml.training.onnx_export import export

DESCRIPTION = "Train the network that finds the lung fields."

WIDTHS = (12, 24, 48, 64)
EPOCHS, VIEWS, BATCH, RATE = 8, 14, 32, 3e-3
VALIDATION_FILMS = 50
SOURCE = "covid-chestxray-dataset"


def lung_network() -> keras.Model:
    """Build the U-Net: float32 [N, 128, 128, 1] in 0..1 -> probability of lung [N, 64, 64, 1]. 209,929 parameters."""
    film = layers.Input((MASK_INPUT, MASK_INPUT, 1), name="film")
    skips: list[keras.KerasTensor] = []
    x = layers.Rescaling(2.0, -1.0, name="centred")(film)
    for level, width in enumerate(WIDTHS):
        x = _convolve(x, width, stride=2)
        x = _convolve(x, width) if level else x
        skips.append(x)
    x = _convolve(x, WIDTHS[-1])
    for skip, width in zip(reversed(skips[:-1]), reversed(WIDTHS[:-1]), strict=True):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = _convolve(layers.Concatenate()([x, skip]), width)
    return keras.Model(film, layers.Conv2D(1, 1, activation="sigmoid", name="lung")(x), name="lung-fields")


def _convolve(x: keras.KerasTensor, width: int, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def export_lung_network(network: keras.Model, path: Path) -> None:
    """Write the network as an ONNX graph with a second output, see :func:`add_context_output`.

    Raises:
        BundleError: when the conversion fails.
    """
    export(network, path)
    add_context_output(path)


def add_context_output(path: Path) -> None:
    """Add the output ``context`` to the graph of a lung network: pooled features of the whole film, for the gate.

    Float32 [N, CONTEXT_FEATURES]: means of the lowest level (8 x 8 cells) over a grid of 4 x 4, then mean and maximum
    of the next two levels, and the mean of the highest. The nodes of the mask stay as they are, so its values do not
    change. A graph that has the output stays unchanged.
    """
    model = onnx.load(path)
    graph = model.graph
    if any(output.name == CONTEXT for output in graph.output):
        return
    lowest = next(node for node in graph.node if node.op_type == "Resize").input[0]
    levels = [node.input[1] for node in graph.node if node.op_type == "Concat"]
    nodes = [helper.make_node("AveragePool", [lowest], ["context_grid"], kernel_shape=[2, 2], strides=[2, 2])]
    pooled = ["context_grid"]
    for level, tensor in enumerate(levels):
        is_highest = level == len(levels) - 1
        for kind in ("GlobalAveragePool",) if is_highest else ("GlobalAveragePool", "GlobalMaxPool"):
            pooled.append(f"context_{kind}_{level}")
            nodes.append(helper.make_node(kind, [tensor], [pooled[-1]]))
    flat = [f"{name}_flat" for name in pooled]
    nodes += [helper.make_node("Flatten", [name], [target]) for name, target in zip(pooled, flat, strict=True)]
    graph.node.extend([*nodes, helper.make_node("Concat", flat, [CONTEXT], axis=1)])
    graph.output.append(helper.make_tensor_value_info(CONTEXT, TensorProto.FLOAT, ["films", CONTEXT_FEATURES]))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def predict_masks(network: keras.Model, films: list[Grey]) -> Float32Array:
    """Return the lung probability of each film: float32 [N, 64, 64], over the film padded to a square."""
    inputs = np.stack([mask_input(film) for film in films])
    return np.asarray(network.predict(inputs, batch_size=64, verbose=0), dtype=np.float32)[..., 0]


def read_drawn_masks(archive: Path, root: Path) -> list[tuple[Grey, Grey]]:
    """Read films with their hand-drawn masks, both uint8 of the film's size.

    Args:
        archive: the zip file of the masks.
        root: the folder that holds the data sets.

    Raises:
        DataSetError: when the archive holds no mask of a film of the data set.
        OSError, zipfile.BadZipFile: when the archive cannot be read.
    """
    films = {film.path.name: film.path for film in load_source(SOURCE, root)}
    pairs = []
    with zipfile.ZipFile(archive) as masks:
        for name in sorted(masks.namelist()):
            path = films.get(Path(name).name)
            if path is not None:
                film = load(path.read_bytes()).pixels
                mask = Image.open(BytesIO(masks.read(name))).convert("L")
                resized = mask.resize((film.shape[1], film.shape[0]), Image.Resampling.BILINEAR)
                pairs.append((film, np.asarray(resized)))
    if not pairs:
        raise DataSetError(
            f"{archive.name} holds no mask of a film in {SOURCE}; use semantic_masks_v7labs_lungs.zip."
        )
    return pairs


def distort(film: Grey, mask: Grey, rng: np.random.Generator) -> tuple[Float32Array, Float32Array]:
    """Return a turned, scaled and re-exposed copy of a film with its mask.

    Args:
        film: uint8 [H, W].
        mask: uint8 [H, W].
        rng: source of the draws.

    Returns:
        film float32 [128, 128, 1] in 0..1 and mask float32 [64, 64, 1], 0 or 1.
    """
    height, width = film.shape
    scale = max(height, width) * rng.uniform(0.8, 1.35) / MASK_INPUT
    tall, angle = scale * rng.uniform(0.9, 1.1), rng.normal(0, np.deg2rad(6))
    cos, sin, middle = np.cos(angle), np.sin(angle), MASK_INPUT / 2
    move = rng.normal(0, 0.04, 2) * max(height, width)
    a, b, d, e = cos * scale, sin * scale, -sin * tall, cos * tall
    corner = (width / 2 + move[0] - (a + b) * middle, height / 2 + move[1] - (d + e) * middle)
    transform = (a, b, corner[0], d, e, corner[1])
    film_, mask_ = (_warp(picture, transform) for picture in (film, mask))
    x = (film_ / 255) ** np.exp(rng.normal(0, 0.4)) * rng.uniform(0.6, 1.2) + rng.uniform(-0.1, 0.15)
    x = (x + rng.normal(0, rng.uniform(0, 0.06), x.shape)).clip(0, 1)
    small = mask_.reshape(MASK_SIDE, 2, MASK_SIDE, 2).mean(axis=(1, 3)) > 127
    if rng.random() < 0.3:  # mirrored, as lungs are found on either side
        x, small = x[:, ::-1], small[:, ::-1]
    return x.astype(np.float32)[..., None], small.astype(np.float32)[..., None]


def _warp(picture: Grey, transform: tuple[float, ...]) -> Float32Array:
    warped = Image.fromarray(picture).transform(
        (MASK_INPUT, MASK_INPUT), Image.Transform.AFFINE, transform, Image.Resampling.BILINEAR
    )
    return np.asarray(warped, dtype=np.float32)


def mean_dice(truth: Float32Array, predicted: Float32Array) -> float:
    """Return the mean Dice coefficient of masks, [N, 64, 64, 1]."""
    found = predicted > 0.5
    both = (truth * found).sum(axis=(1, 2, 3))
    return float(np.mean(2 * both / (truth.sum(axis=(1, 2, 3)) + found.sum(axis=(1, 2, 3)))))


def _loss(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    both = ops.sum(truth * predicted, axis=(1, 2, 3))
    dice = (2 * both + 1) / (ops.sum(truth + predicted, axis=(1, 2, 3)) + 1)
    return ops.mean(keras.losses.binary_crossentropy(truth, predicted)) + ops.mean(1 - dice)


def train(pairs: list[tuple[Grey, Grey]], seed: int = 0) -> tuple[keras.Model, float]:
    """Train on all pairs but ``VALIDATION_FILMS``.

    Returns:
        the network and its Dice coefficient on the validation films.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pairs))
    views = [distort(pairs[i][0], pairs[i][1], rng) for _ in range(VIEWS) for i in order[VALIDATION_FILMS:]]
    films, masks = (np.stack(part) for part in zip(*views, strict=True))
    network = lung_network()
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(films) // BATCH)
    network.compile(keras.optimizers.Adam(rate), _loss)
    network.fit(films, masks, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    validation = [pairs[i] for i in order[:VALIDATION_FILMS]]
    truth = np.stack([mask_input(mask) for _, mask in validation])
    truth = truth.reshape(len(validation), MASK_SIDE, 2, MASK_SIDE, 2, 1).mean(axis=(2, 4)) > 0.5
    predicted = predict_masks(network, [film for film, _ in validation])[..., None]
    return network, mean_dice(truth.astype(np.float32), predicted)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data or the masks are missing or the export failed.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.training.lung_fields", description=DESCRIPTION)
    parser.add_argument("--masks", type=Path, required=True, help="semantic_masks_v7labs_lungs.zip")
    parser.add_argument("--target", type=Path, default=MODELS / "screener" / LUNGS, help="the ONNX graph to write")
    options = parser.parse_args(arguments)
    try:
        pairs = read_drawn_masks(options.masks, require_data_dir())
        network, dice = train(pairs)
        options.target.parent.mkdir(parents=True, exist_ok=True)
        export_lung_network(network, options.target)
    except (BundleError, DataSetError, OSError, zipfile.BadZipFile) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(pairs)} drawn masks; Dice coefficient on {VALIDATION_FILMS} validation films: {dice:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
