"""The architecture, the reader of the weights, and the proof that the conversion is the original."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.training.screener.efficientnet import blocks, lower_part, upper_part
from ml.training.screener.imagenet_weights import package_weights, read_state, transfer_weights

LARGEST_DIFFERENCE = 1e-4  # measured: 2.1e-5 after the last convolution, activations up to 6


def weights_or_skip() -> Path:
    try:
        return package_weights()
    except BundleError:
        pytest.skip("the package with the ImageNet weights is not installed")


def test_plan_of_the_variants() -> None:
    assert [len(blocks(variant)) for variant in ("lite0", "lite1", "lite2")] == [16, 21, 21]
    assert sum(block.stride == 2 for block in blocks()) == 4
    assert [block.channels for block in blocks("lite2")][-1] == 352


@pytest.mark.parametrize("cut", [1, 8, 11, 15])
def test_parts_fit_together_at_any_cut(cut: int) -> None:
    below = lower_part(64, cut)
    above = upper_part(below.output.shape[1:], cut)
    assert tuple(above(below(np.zeros((1, 64, 64, 1), np.float32))).shape) == (1, 2, 2, 1280)
    assert below.count_params() + above.count_params() == lower_part(64, 16).count_params() + 1280 * (320 + 4)


def test_reader_refuses_what_no_weights_need(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(1001) + pickle.dumps(io.BytesIO))
    with pytest.raises(BundleError, match="BytesIO"):
        read_state(path)


def test_reader_refuses_another_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"format": "another"}))
    with pytest.raises(BundleError, match="no PyTorch state"):
        read_state(path)


def test_one_channel_answers_as_three() -> None:
    state = read_state(weights_or_skip())
    one, three = lower_part(64, 2), lower_part(64, 2, channels=3)
    transfer_weights(state, one, three)
    film = np.random.default_rng(0).random((2, 64, 64, 1), np.float32)
    np.testing.assert_allclose(one(film), three(np.repeat(film, 3, axis=-1)), atol=1e-4)


def test_every_block_says_what_the_original_says() -> None:
    torch = pytest.importorskip("torch")
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    path = weights_or_skip()
    original.load_state_dict(torch.load(path, map_location="cpu"))
    original.eval()
    below = lower_part(224, 16, channels=3)
    above = upper_part(below.output.shape[1:], 16)
    transfer_weights(read_state(path), below, above)
    films = np.random.default_rng(0).random((2, 224, 224, 3), np.float32)
    theirs = _outputs_of_blocks(torch, original, (films * np.float32(255) - np.float32(127)) / np.float32(128))
    ends = [f"block{i:02d}_add" for i in range(16)]
    names = {layer.name for layer in below.layers}
    ends = [name if name in names else name.replace("add", "project_bn") for name in ends]
    ours = keras.Model(below.input, [below.get_layer(name).output for name in ends])(films)
    for name, mine, original_block in zip(ends, ours, theirs, strict=False):
        scale = float(np.abs(original_block).max())
        assert np.abs(np.asarray(mine) - original_block).max() < LARGEST_DIFFERENCE * scale, name
    assert np.abs(np.asarray(above(ours[-1])) - theirs[-1]).max() < LARGEST_DIFFERENCE


def _outputs_of_blocks(torch: Any, original: Any, films: Float32Array) -> list[Float32Array]:
    """Each block's output and the last activation, as [N, h, w, c]."""
    found = []
    for block in original._blocks:
        block.register_forward_hook(lambda _module, _given, out: found.append(out))
    with torch.no_grad():
        found.append(original.extract_features(torch.tensor(films.transpose(0, 3, 1, 2)).float()))
    return [out.numpy().transpose(0, 2, 3, 1) for out in found]
