"""The exported graph agrees with Keras, and films that could not show a difference are refused."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

pytest.importorskip("tensorflow")

import keras
import onnx
from keras import layers, ops
from onnx import numpy_helper

from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey, load, to_input
from ml.errors import BundleError
from ml.phantom.film import PhantomSpec, png_bytes
from ml.training.onnx_export import MAX_DIFFERENCE, MIN_FILMS, MIN_SPREAD, export, measure_parity, restore_weights
from ml.training.seed_cnn.network import seed_cnn
from tests.ml.helpers import classifier, seed_cnn_bundle

Films = Float32Array


def variants() -> Iterator[Grey]:
    """Phantoms alone score near 0, so darker ones and a real public film widen the spread."""
    for seed in range(12):
        film = load(
            png_bytes(PhantomSpec(160, 160, seed=seed, opacities=seed % 5, severity=0.2 + 0.05 * seed))
        ).pixels
        yield from (film, darker(film, 1.3), darker(film, 1.7))
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    assert isinstance(path, str)
    film = load(Path(path).read_bytes()).pixels
    yield from (film, 255 - film)


def darker(film: Grey, gamma: float) -> Grey:
    return (255 * (film / 255.0) ** gamma).astype(np.uint8)


@pytest.fixture(scope="module")
def films() -> Films:
    return np.stack([to_input(film, seed_cnn_bundle().input) for film in variants()])


@pytest.fixture(scope="module")
def network() -> Any:
    """The weights of the bundle, back in Keras."""
    restored = seed_cnn()
    restore_weights(restored, seed_cnn_bundle().graph)
    return restored


@pytest.fixture(scope="module")
def exported(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export(network, path)
    return path


def test_films_spread_over_the_scores(films: Films) -> None:
    scores = classifier().predict(films).scores
    assert len(films) >= MIN_FILMS
    assert np.ptp(scores) > 0.9
    assert ((scores > 0.1) & (scores < 0.9)).sum() >= 3  # a saturated score would hide a difference


def test_the_graph_of_the_bundle_agrees_with_keras(network: Any, films: Films) -> None:
    assert measure_parity(network, seed_cnn_bundle().graph, films) <= 1e-4
    assert MAX_DIFFERENCE <= 1e-4


def test_exported_graph_has_one_input_and_agrees(network: Any, exported: Path, films: Films) -> None:
    assert len(onnx.load(exported).graph.input) == 1
    assert measure_parity(network, exported, films) <= 1e-4


def test_weights_survive_the_way_there_and_back(network: Any, exported: Path) -> None:
    """Three biases have the same shape; only their order tells them apart."""
    again = seed_cnn()
    restore_weights(again, exported)
    for one, other in zip(network.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_too_few_films_prove_nothing(network: Any, films: Films) -> None:
    with pytest.raises(BundleError, match="at least 32 films, not 31"):
        measure_parity(network, seed_cnn_bundle().graph, films[: MIN_FILMS - 1])


def test_an_untrained_network_proves_nothing(films: Films) -> None:
    untrained = seed_cnn()
    assert np.ptp(untrained.predict(films[:8], verbose=0)) < MIN_SPREAD
    with pytest.raises(BundleError, match="agreement would show nothing"):
        measure_parity(untrained, seed_cnn_bundle().graph, films)


def test_one_other_weight_is_noticed(network: Any, films: Films, tmp_path: Path) -> None:
    model = onnx.load(seed_cnn_bundle().graph)
    bias = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == [1] and tensor.data_type == 1)
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))
    other = tmp_path / "other.onnx"
    onnx.save(model, other)
    with pytest.raises(BundleError, match="scores differ from Keras' by up to"):
        measure_parity(network, other, films)


def test_weights_of_another_network_do_not_fit(tmp_path: Path) -> None:
    model = onnx.load(seed_cnn_bundle().graph)
    kernel = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == [128, 64, 3, 3])
    model.graph.initializer.remove(kernel)
    other = tmp_path / "other.onnx"
    onnx.save(model, other)
    with pytest.raises(BundleError, match=r"no weights of shape \(128, 64, 3, 3\)"):
        restore_weights(seed_cnn(), other)


def test_a_failed_conversion_is_reported(network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "export", lambda *_, **__: None)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(BundleError, match="tf2onnx failed"):
        export(network, tmp_path / "model.onnx")


def test_a_graph_that_the_runtime_cannot_open_is_an_error(tmp_path: Path) -> None:
    """Tf2onnx copies operators that it does not know into the graph."""
    given = layers.Input((4,))
    network = keras.Model(given, layers.Lambda(ops.log1p)(given))
    with pytest.raises(BundleError, match="cannot open"):
        export(network, tmp_path / "model.onnx")
