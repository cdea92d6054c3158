"""The error at a new hospital, over many draws of hospitals, and the order of the thresholds."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from numpy.random import Generator

from ml.statistics.conformal import (
    HospitalScores,
    choose_band,
    choose_level,
    leave_each_out,
    pooled_threshold,
    upper_threshold,
)

ERROR = 0.1
DRAWS = 150


def hospital(rng: Generator, centre: float, shift: float, networks: int = 1) -> HospitalScores:
    """A hospital whose scores are moved as a whole, as by its devices."""
    size = int(rng.integers(30, 300))
    middle = centre + rng.normal(0, shift)
    return HospitalScores(tuple(rng.normal(middle, 1, size) for _ in range(networks)), size)


def hospitals(rng: Generator, centre: float, shift: float, count: int = 6) -> dict[str, HospitalScores]:
    return {f"hospital {number}": hospital(rng, centre, shift) for number in range(count)}


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_the_error_at_a_new_hospital_is_at_most_the_stated_one(shift: float) -> None:
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(DRAWS):
        threshold = upper_threshold(hospitals(rng, 0, shift), ERROR)
        new = NormalDist(rng.normal(0, shift), 1)
        errors.append(1 - new.cdf(threshold) if np.isfinite(threshold) else 0.0)
    mean, noise = np.mean(errors), np.std(errors) / np.sqrt(DRAWS)
    assert mean - 2 * noise <= ERROR
    assert mean >= ERROR / 4  # not merely by deciding nothing


def test_without_the_corrections_the_error_is_above_the_stated_one() -> None:
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(DRAWS):
        known = hospitals(rng, 0, 2.0, count=3)
        plain = np.quantile(np.concatenate([item.networks[0] for item in known.values()]), 1 - ERROR)
        errors.append(1 - NormalDist(rng.normal(0, 2.0), 1).cdf(float(plain)))
    assert np.mean(errors) > 1.3 * ERROR


def test_a_large_hospital_weighs_as_much_as_a_small_one() -> None:
    small = HospitalScores((np.linspace(0, 1, 50),), 50)
    large = HospitalScores((np.linspace(5, 6, 5000),), 5000)
    threshold = pooled_threshold({"small": small, "large": large}, 0.25)
    assert large.share_from(threshold) == pytest.approx(0.48, abs=0.02)
    assert small.share_from(threshold) == 0


def test_one_more_patient_counts_as_wrong() -> None:
    scores = np.arange(19.0)
    enough = {"a": HospitalScores((scores,), 19), "b": HospitalScores((scores,), 19)}
    assert pooled_threshold(enough, 0.05) == pytest.approx(18, abs=1e-9)  # 1 of 20
    assert pooled_threshold(enough, 0.049) == float("inf")
    fewer_patients = {name: HospitalScores((scores,), 4) for name in enough}
    assert pooled_threshold(fewer_patients, 0.1) == float("inf")


def test_the_level_falls_where_hospitals_differ() -> None:
    rng = np.random.default_rng(3)
    alike = hospitals(rng, 0, 0.0)
    apart = {
        f"hospital {number}": HospitalScores((rng.normal(0 if number else 3, 1, 300),), 300) for number in range(4)
    }
    assert choose_level(alike, ERROR) >= 0.08
    assert choose_level(apart, ERROR) < choose_level(alike, ERROR)


@pytest.mark.parametrize(("distance", "expected"), [(0.5, True), (1.5, True), (8.0, False)])
def test_low_is_never_above_high(distance: float, expected: bool) -> None:
    rng = np.random.default_rng(1)
    without, with_disease = hospitals(rng, 0, 0.3), hospitals(rng, distance, 0.3)
    band = choose_band(without, with_disease, ERROR)
    assert band.low <= band.high
    assert (band.low < band.high) is expected  # where one threshold has both errors, nothing is uncertain
    for scores in without.values():
        assert scores.share_from(band.high) < 0.5
    assert np.mean([scores.share_from(band.high) for scores in without.values()]) <= ERROR
    assert np.mean([1 - scores.share_from(band.low) for scores in with_disease.values()]) <= ERROR


def test_a_hospital_that_is_left_out_has_no_say_in_its_band() -> None:
    rng = np.random.default_rng(5)
    without, with_disease = hospitals(rng, 0, 0.5), hospitals(rng, 1.5, 0.5)
    before = leave_each_out(without, with_disease, ERROR)
    moved = HospitalScores((without["hospital 0"].networks[0] + 50,), without["hospital 0"].patients)
    after = leave_each_out(without | {"hospital 0": moved}, with_disease, ERROR)
    assert before["hospital 0"] == after["hospital 0"]
    assert before["hospital 1"] != after["hospital 1"]
    assert set(before) == set(without)


def test_networks_of_one_hospital_are_averaged() -> None:
    both = HospitalScores((np.array([0.0, 1.0]), np.array([1.0, 1.0])), 2)
    assert both.share_from(0.5) == 0.75


def test_a_single_hospital_is_not_enough() -> None:
    alone = {"only": HospitalScores((np.arange(100.0),), 100)}
    with pytest.raises(ValueError, match="at least two hospitals"):
        upper_threshold(alone, ERROR)
