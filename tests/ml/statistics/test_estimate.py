"""Confidence intervals of shares."""

from __future__ import annotations

import math

import pytest

from ml.statistics.estimate import Estimate, wilson_estimate, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_against_published_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_without_trials_is_undefined() -> None:
    assert all(math.isnan(bound) for bound in wilson_interval(0, 0))


def test_an_estimate_of_a_share_names_its_films_and_its_interval() -> None:
    found = wilson_estimate(81, 263)
    assert found == Estimate(81 / 263, *wilson_interval(81, 263), n=263, method="Wilson")
    assert found.count == 81


def test_a_share_of_nothing_is_none() -> None:
    assert wilson_estimate(0, 0) is None


@pytest.mark.parametrize("estimate", [Estimate(None, None, None, n=3), Estimate(0.5, 0.1, 0.9)])
def test_a_number_without_value_or_films_has_no_count(estimate: Estimate) -> None:
    assert estimate.count is None
