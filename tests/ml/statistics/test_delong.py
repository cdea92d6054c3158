from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ml.arrays import Float64Array
from ml.statistics.delong import delong_test

RNG = np.random.default_rng(5)


def scores(labels: NDArray[np.int_], strength: float) -> Float64Array:
    return labels * strength + RNG.normal(0, 1, len(labels))


def test_the_areas_are_the_ones_another_implementation_finds() -> None:
    labels = RNG.integers(0, 2, 300)
    first, second = scores(labels, 1.0), np.round(scores(labels, 0.5), 1)
    found = delong_test(labels, first, second)
    assert found.first == pytest.approx(roc_auc_score(labels, first))
    assert found.second == pytest.approx(roc_auc_score(labels, second))


def test_equal_models_are_not_different() -> None:
    labels = RNG.integers(0, 2, 100)
    values = scores(labels, 1.0)
    found = delong_test(labels, values, values)
    assert (found.first, found.p) == (found.second, 1.0)


def test_the_standard_error_is_that_of_drawing_films_again() -> None:
    labels = np.repeat([0, 1], 200)
    first, second = scores(labels, 1.2), scores(labels, 0.7)
    found = delong_test(labels, first, second)
    differences = []
    for _ in range(600):
        drawn = np.concatenate([RNG.integers(0, 200, 200), RNG.integers(200, 400, 200)])
        differences.append(roc_auc_score(labels[drawn], first[drawn]) - roc_auc_score(labels[drawn], second[drawn]))
    assert (found.first - found.second) / found.z == pytest.approx(np.std(differences), rel=0.15)


def test_chance_alone_is_called_a_difference_in_one_of_twenty() -> None:
    labels = np.repeat([0, 1], 60)
    found = [delong_test(labels, scores(labels, 0.8), scores(labels, 0.8)).p < 0.05 for _ in range(400)]
    assert 0.01 < np.mean(found) < 0.10


def test_a_single_film_of_a_class_is_too_few() -> None:
    with pytest.raises(ValueError, match="two films"):
        delong_test([0, 0, 1], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])


def test_complete_separation_by_one_only_has_no_variance_of_its_own() -> None:
    found = delong_test([0, 0, 1, 1], [0.0, 0.1, 0.9, 1.0], [1.0, 0.9, 0.1, 0.0])
    assert math.isnan(found.z)
    assert found.p == 0.0
