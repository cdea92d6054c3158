"""The educational project's architecture, to the last parameter."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.training.seed_cnn.network import SEED_CNN_PARAMETERS, seed_cnn
from tests.ml.helpers import seed_cnn_bundle


def test_parameters_are_those_of_the_original() -> None:
    network = seed_cnn()
    assert network.count_params() == SEED_CNN_PARAMETERS == 5_668_097
    assert seed_cnn_bundle().card.network.parameters == 5_668_097
    assert all(weight.trainable for weight in network.weights)


def test_layers_come_in_the_order_of_the_original() -> None:
    assert [type(layer).__name__ for layer in seed_cnn().layers] == [
        *("Conv2D", "Conv2D", "MaxPooling2D", "Dropout"),
        *("Conv2D", "MaxPooling2D", "Dropout"),
        *("Conv2D", "MaxPooling2D", "Dropout"),
        *("Flatten", "Dense", "Dropout", "Dense"),
    ]


def test_layers_are_set_as_in_the_original() -> None:
    layers = seed_cnn().layers
    convolutions = [layer for layer in layers if type(layer).__name__ == "Conv2D"]
    assert [layer.filters for layer in convolutions] == [32, 64, 64, 128]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert {layer.padding for layer in convolutions} == {"valid"}
    assert [layer.rate for layer in layers if type(layer).__name__ == "Dropout"] == [0.25, 0.25, 0.25, 0.5]
    dense = [layer for layer in layers if type(layer).__name__ == "Dense"]
    assert [layer.units for layer in dense] == [64, 1]
    activations = [layer.activation.__name__ for layer in [*convolutions, *dense]]
    assert activations == ["relu"] * 5 + ["sigmoid"]


def test_films_in_probabilities_out() -> None:
    network = seed_cnn()
    assert network.input_shape == (None, 224, 224, 3)
    scores = np.asarray(network(np.random.default_rng(0).random((2, 224, 224, 3), dtype=np.float32)))
    assert scores.shape == (2, 1)
    assert ((scores > 0) & (scores < 1)).all()
