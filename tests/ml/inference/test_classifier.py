"""The network as it is served: one film in, one score out, whatever else is in the stack."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.decoding.preprocess import InputSpec, load, to_input
from ml.errors import BundleError
from ml.inference.bundle import Bundle
from ml.inference.classifier import Classifier
from ml.phantom.film import PhantomSpec, png_bytes
from tests.ml.helpers import classifier, seed_cnn_bundle


@cache
def stack() -> NDArray[np.float32]:
    """Eight films whose scores differ: half of them inverted, which looks nothing like a chest to the network."""
    films = [load(png_bytes(PhantomSpec(128, 128, seed=seed))).pixels for seed in range(4)]
    return np.stack([to_input(film, seed_cnn_bundle().input) for film in [*films, *(255 - film for film in films)]])


def test_the_graph_takes_one_film_of_the_size_the_card_names() -> None:
    (given,) = classifier()._network.get_inputs()
    size = seed_cnn_bundle().input
    assert given.shape[1:] == [size.height, size.width, size.channels]


def test_scores_are_probabilities_one_a_film() -> None:
    output = classifier().predict(stack())
    assert output.scores.shape == (8,)
    assert ((output.scores >= 0) & (output.scores <= 1)).all()
    assert np.ptp(output.scores) > 0.2
    assert output.maps is None


@pytest.mark.parametrize("index", range(8))
def test_a_film_alone_scores_as_in_a_stack(index: int) -> None:
    together = classifier().predict(stack()).scores[index]
    alone = classifier().predict(stack()[index : index + 1]).scores[0]
    assert abs(together - alone) <= 1e-6


def test_threads_do_not_change_the_score() -> None:
    one = classifier().predict(stack()).scores
    for threads in (0, 2):
        assert np.abs(Classifier(seed_cnn_bundle(), threads).predict(stack()).scores - one).max() <= 1e-6


def test_the_same_films_score_the_same_again() -> None:
    assert np.array_equal(classifier().predict(stack()).scores, classifier().predict(stack()).scores)


def bundle_of_graph(folder: Path, inputs: int, maps: bool) -> Bundle:
    """A graph that scores a film by its mean; with maps, the mean is a logit and the film its own map."""
    onnx = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    name = "logit" if maps else "score"
    films = [helper.make_tensor_value_info(f"film{index}", real, ["n", 4, 4]) for index in range(inputs)]
    nodes = [helper.make_node("ReduceMean", ["film0"], [name], axes=[1, 2], keepdims=0)]
    outputs = [helper.make_tensor_value_info(name, real, ["n"])]
    if maps:
        nodes.append(helper.make_node("Identity", ["film0"], ["map"]))
        outputs.append(helper.make_tensor_value_info("map", real, ["n", 4, 4]))
    graph = helper.make_graph(nodes, "mean", films, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    card = seed_cnn_bundle().card
    return Bundle(folder, "mean", "0" * 64, InputSpec(4, 4, 1), 0.2, 0.8, slope=2.0, intercept=-1.0, card=card)


def test_logits_are_calibrated_and_maps_handed_on(tmp_path: Path) -> None:
    films = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4)
    output = Classifier(bundle_of_graph(tmp_path, inputs=1, maps=True)).predict(films)
    assert output.scores == pytest.approx(1 / (1 + np.exp(1 - 2 * films.mean(axis=(1, 2)))))
    assert output.maps is not None
    assert np.array_equal(output.maps, films)


def test_a_graph_with_two_inputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="mean wants 2 inputs"):
        Classifier(bundle_of_graph(tmp_path, inputs=2, maps=False))
