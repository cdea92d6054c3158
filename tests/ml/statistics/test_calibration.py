from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.statistics.calibration import fit_platt, logit, predictive_values, sigmoid, slope_and_intercept

RNG = np.random.default_rng(3)


def sample(slope: float, intercept: float, films: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    logits = RNG.normal(0, 2, films)
    return RNG.random(films) < sigmoid(slope * logits + intercept), logits


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.4, -1.0), (2.5, 1.5)])
def test_platt_finds_what_was_put_in(slope: float, intercept: float) -> None:
    labels, logits = sample(slope, intercept)
    found = fit_platt(labels, logits)
    assert found == pytest.approx((slope, intercept), rel=0.06, abs=0.08)


def test_platt_agrees_with_another_implementation() -> None:
    labels, logits = sample(0.8, 0.3, 4000)
    other = LogisticRegression(C=1e6).fit(logits[:, None], labels)
    assert fit_platt(labels, logits) == pytest.approx((other.coef_[0, 0], other.intercept_[0]), abs=1e-2)


def test_classes_far_apart_do_not_ask_for_certainty() -> None:
    slope, intercept = fit_platt([0] * 20 + [1] * 20, [-3.0] * 20 + [3.0] * 20)
    assert math.isfinite(slope)
    assert 0.9 < sigmoid(slope * 3.0 + intercept) < 0.99


def test_one_class_cannot_be_calibrated() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_platt([1, 1], [0.0, 1.0])
    assert all(math.isnan(value) for value in slope_and_intercept([1, 1], [0.4, 0.6]))


def test_slope_and_intercept_of_scores_that_mean_what_they_say_are_one_and_zero() -> None:
    labels, logits = sample(1.0, 0.0)
    assert slope_and_intercept(labels, sigmoid(logits)) == pytest.approx((1, 0), abs=0.06)


def test_overconfident_scores_have_a_slope_below_one_and_shifted_ones_an_intercept() -> None:
    labels, logits = sample(1.0, 0.0)
    assert slope_and_intercept(labels, sigmoid(2 * logits))[0] == pytest.approx(0.5, abs=0.05)
    assert slope_and_intercept(labels, sigmoid(logits - 1))[1] == pytest.approx(1.0, abs=0.08)


def test_logits_stay_finite() -> None:
    assert np.isfinite(logit([0.0, 1.0])).all()
    assert sigmoid(logit([0.2, 0.7])) == pytest.approx([0.2, 0.7])


def test_predictive_values_follow_bayes() -> None:
    ppv, npv = predictive_values(0.9, 0.95, 0.01)
    assert ppv == pytest.approx(0.009 / (0.009 + 0.0495))
    assert npv == pytest.approx(0.9405 / (0.9405 + 0.001))
    assert predictive_values(0.9, 0.9, 0.5) == pytest.approx((0.9, 0.9))
    assert math.isnan(predictive_values(0.0, 1.0, 0.1)[0])
