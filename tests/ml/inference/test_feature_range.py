"""The distance to the training films: what it finds, how it is stored, and the note on a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")

from ml import note_codes
from ml.inference.bundle import RANGE, Bundle
from ml.inference.classifier import Classifier, FilmResult
from ml.inference.feature_range import FeatureRange, prepare_features, read_range, write_range
from ml.statistics.metrics import auroc
from ml.training.screener.feature_range import fit_feature_range
from tests.ml.inference.test_classifier import bundle_of_graph

SIZE = 40


def features(rng: np.random.Generator, count: int, hospital: int) -> NDArray[np.float32]:
    """Features of films that share a few active channels."""
    values = rng.gamma(1.0, 0.1, (count, SIZE))
    values[:, hospital : hospital + 6] += rng.gamma(4.0, 0.5, (count, 6))
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> FeatureRange:
    rng = np.random.default_rng(0)
    training = np.concatenate([features(rng, 300, 0), features(rng, 300, 10)])
    known = np.concatenate([features(rng, 150, 0), features(rng, 150, 10)])
    return fit_feature_range(training, np.full(600, 1 / 600), known)


def test_the_threshold_leaves_the_stated_share_of_known_films(fitted: FeatureRange) -> None:
    rng = np.random.default_rng(1)
    known = np.concatenate([features(rng, 1000, 0), features(rng, 1000, 10)])
    assert 0.005 <= fitted.find_unlike(known).mean() <= 0.06


def test_another_hospital_is_found(fitted: FeatureRange) -> None:
    rng = np.random.default_rng(2)
    known, other = features(rng, 300, 0), features(rng, 300, 25)
    distances = np.concatenate([fitted.distances(known), fitted.distances(other)])
    assert auroc(np.repeat([0, 1], 300), distances) > 0.95
    assert fitted.find_unlike(other).mean() > 0.9


def test_brightness_alone_is_no_distance(fitted: FeatureRange) -> None:
    films = features(np.random.default_rng(3), 50, 0)
    assert fitted.distances(films * 3) == pytest.approx(fitted.distances(films), abs=1e-4)


def test_directions_outside_the_subspace_count() -> None:
    rng = np.random.default_rng(4)
    narrow = np.zeros((30, SIZE), np.float32)
    narrow[:, :3] = rng.gamma(4.0, 0.5, (30, 3))
    fitted = fit_feature_range(narrow, np.full(30, 1 / 30), narrow)
    elsewhere = np.zeros((1, SIZE), np.float32)
    elsewhere[0, SIZE - 1] = 2
    assert fitted.distances(elsewhere)[0] > fitted.distances(narrow).max() + 0.3


def test_prepared_features_have_length_one_and_keep_their_sign() -> None:
    prepared = prepare_features(np.array([[4.0, -4.0, 0.0], [0.0, 0.0, 0.0]], np.float32))
    assert prepared[0] == pytest.approx([2**-0.5, -(2**-0.5), 0])
    assert not prepared[1].any()


def test_a_stored_range_gives_the_same_distances(fitted: FeatureRange, tmp_path: Path) -> None:
    write_range(tmp_path / RANGE, fitted)
    films = features(np.random.default_rng(5), 20, 0)
    again = read_range(tmp_path / RANGE)
    assert again.threshold == fitted.threshold
    assert np.array_equal(again.distances(films), fitted.distances(films))


def classifier_with_features(folder: Path, fitted: FeatureRange | None) -> Classifier:
    """A classifier of 4 × 4 films whose features are the 16 pixels."""
    onnx = pytest.importorskip("onnx")
    bundle: Bundle = bundle_of_graph(folder, inputs=1, maps=True)
    model = onnx.load(bundle.graph)
    graph = model.graph
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 16], np.int64), "flat"))
    graph.node.append(onnx.helper.make_node("Reshape", ["film0", "flat"], ["features"]))
    graph.output.append(onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", 16]))
    graph.input[0].type.tensor_type.shape.dim.add().dim_value = 1
    reduce = next(node for node in graph.node if node.op_type == "ReduceMean")
    reduce.attribute[0].CopyFrom(onnx.helper.make_attribute("axes", [1, 2, 3]))
    del graph.output[1]  # the map, which a whole film has no box for
    del graph.node[1]
    onnx.save(model, bundle.graph)
    if fitted is not None:
        write_range(folder / RANGE, fitted)
    return Classifier(bundle)


def test_a_film_unlike_the_training_carries_the_note(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    left = np.zeros((60, 4, 4), np.float32)
    left[:, :, :2] = rng.uniform(0.5, 1.0, (60, 4, 2))
    flat = left.reshape(60, 16)
    fitted = fit_feature_range(flat, np.full(60, 1 / 60), flat)
    usual = (255 * left[0]).astype(np.uint8)
    for known, expected in ((fitted, [(), (note_codes.UNLIKE_TRAINING,)]), (None, [(), ()])):
        folder = tmp_path / str(known is None)
        folder.mkdir()
        results = classifier_with_features(folder, known).classify([usual, usual[:, ::-1].copy()])
        assert [result.notes for result in results if isinstance(result, FilmResult)] == expected
