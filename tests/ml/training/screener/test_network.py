"""The screener's head, the lung crop, the views and the folds, on made-up films."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from ml.arrays import Float32Array
from ml.data.datasets import COVID, NORMAL, PNEUMONIA, FilmRecord
from ml.decoding.preprocess import Grey
from ml.inference.lung_crop import LungBox, crop, equalise, lung_box, mask_input, to_lung_input, two_largest
from ml.training.lung_fields import lung_network
from ml.training.screener.augment import film_view
from ml.training.screener.efficientnet import lower_part
from ml.training.screener.films import (
    CXNET,
    HANNOVER,
    KERMANY,
    NIH,
    Films,
    _joined,
    cell_weights,
    draw_validation_part,
    folds,
)
from ml.training.screener.network import (
    CUT,
    SIZE,
    LogFeatures,
    log_features,
    screener,
    trained_part,
)


def a_film(height: int = 200, width: int = 260) -> Grey:
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def two_lungs() -> Float32Array:
    mask = np.zeros((64, 64), np.float32)
    mask[20:50, 12:28] = 1
    mask[22:48, 36:52] = 1
    return mask


def shift_activations(part: keras.Model, rng: np.random.Generator) -> None:
    """Set random offsets in the normalisations: without training the deepest activations are all zero."""
    for layer in part.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.beta.assign(rng.uniform(-0.5, 1, layer.beta.shape))


def untrained_part(seed: int) -> keras.Model:
    """As the trained part, with a head of random weights."""
    part = trained_part(imagenet=False)
    rng = np.random.default_rng(seed)
    shift_activations(part.layers[1], rng)
    part.get_layer("covid").set_weights([rng.normal(size=(1280, 1)), rng.normal(size=1)])
    return part


def test_map_averages_to_the_logit() -> None:
    frozen, rng = lower_part(SIZE, CUT), np.random.default_rng(0)
    shift_activations(frozen, rng)
    network = screener(frozen, untrained_part(0))
    said = network(rng.random((2, SIZE, SIZE, 1), np.float32))
    assert tuple(said["map"].shape) == (2, 7, 7)
    assert tuple(said["features"].shape) == (2, 1280)
    assert np.ptp(np.asarray(said["map"])) > 0.01
    np.testing.assert_allclose(np.mean(said["map"], axis=(1, 2)), np.asarray(said["logit"])[:, 0], atol=1e-3)


def test_complete_network_gives_the_logit_of_the_trained_part() -> None:
    part, frozen = untrained_part(0), lower_part(SIZE, CUT)
    film = np.random.default_rng(1).random((1, SIZE, SIZE, 1), np.float32)
    expected = np.asarray(part(frozen(film)))
    np.testing.assert_allclose(np.asarray(screener(frozen, part)(film)["logit"]), expected, atol=1e-5)


def test_logarithms_are_those_of_the_layer() -> None:
    pooled = np.array([[0.0, 0.02, 6.0]], np.float32)
    expected = np.array([[0.0, 0.25 * np.log(2), 0.25 * np.log(301)]])
    np.testing.assert_allclose(log_features(pooled), expected, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(LogFeatures()(pooled)), expected, rtol=1e-5)


def test_lung_network_shape() -> None:
    network = lung_network()
    assert network.count_params() == 209_929
    assert tuple(network(mask_input(a_film())[None]).shape) == (1, 64, 64, 1)


def test_box_lies_around_the_lungs() -> None:
    box = lung_box(two_lungs(), (128, 128))
    assert box == LungBox(70.0, 64.0, 80.0, pytest.approx(896 / 4096), True)  # type: ignore[arg-type]


def test_box_is_moved_by_the_padding() -> None:
    assert lung_box(two_lungs(), (64, 128)).y == 70.0 - 32


def test_without_lungs_the_middle_is_taken() -> None:
    box = lung_box(np.zeros((64, 64), np.float32), (100, 200))
    assert (box.y, box.x, box.side, box.found) == (50, 100, 100, False)


def test_specks_are_no_lungs() -> None:
    mask = two_lungs() > 0.5
    speckled = mask.copy()
    speckled[2:4, 2:4] = True
    np.testing.assert_array_equal(two_largest(speckled), mask)


def test_crop_beyond_the_edge_is_black() -> None:
    white = np.full((50, 50), 255, np.uint8)
    cut = crop(white, LungBox(0, 0, 40, 0.2, True), 32)
    assert cut[0, 0] == 0
    assert cut[-1, -1] == 255


def test_equalising_forgets_exposure() -> None:
    film = a_film()
    dark = (film.astype(np.float32) * 0.5).astype(np.uint8)
    assert np.abs(equalise(film) - equalise(dark)).mean() < 0.02


def test_view_zero_is_the_film_as_served_and_others_repeat() -> None:
    film, mask = a_film(), two_lungs()
    box = lung_box(mask, (film.shape[0], film.shape[1]))
    np.testing.assert_array_equal(film_view(film, box, 96, 0, 3), to_lung_input(film, mask, 96))
    again = film_view(film, box, 96, 2, 3)
    np.testing.assert_array_equal(film_view(film, box, 96, 2, 3), again)
    assert again.min() >= 0
    assert again.max() <= 1
    assert np.abs(again - film_view(film, box, 96, 1, 3)).mean() > 0.01


def test_shared_keys_join_over_several_steps() -> None:
    joined = _joined([["a", "x"], ["b", "y"], ["c"], ["d", "x", "y"]])
    assert joined[0] == joined[1] == joined[3] != joined[2]


def some_films() -> Films:
    rows = [(s, COVID) for s in (HANNOVER, CXNET) for _ in range(20)]
    rows += [(s, f) for s in (KERMANY, NIH) for f in (NORMAL, PNEUMONIA) for _ in range(20)]
    records = [FilmRecord(Path(f"{i}.png"), source, finding, str(i)) for i, (source, finding) in enumerate(rows)]
    groups = np.array([str(i) for i in range(len(rows))])
    groups[0] = groups[25]  # a Hannover patient who is in COVID-CXNet too
    return Films(records, [], groups, np.array([""] * len(rows)))


def test_no_source_and_no_patient_of_a_test_is_in_training() -> None:
    films = some_films()
    for fold in folds(films).values():
        for positives, negatives in fold.tests.values():
            tested = positives | negatives
            assert not set(films.groups[tested]) & set(films.groups[fold.train])
            assert not set(films.sources[tested]) & set(films.sources[fold.train])


def test_classes_are_drawn_equally() -> None:
    films = some_films()
    weights = cell_weights(films, np.arange(len(films.records)) % 3 > 0)
    assert weights.sum() == pytest.approx(1)
    assert weights[films.labels == 1].sum() == pytest.approx(0.5)
    assert not weights[np.arange(len(weights)) % 3 == 0].any()


def test_validation_keeps_groups_whole() -> None:
    films = some_films()
    kept = draw_validation_part(films, np.ones(len(films.records), dtype=bool), share=0.3)
    assert kept.any()
    assert not set(films.groups[kept]) & set(films.groups[~kept])
