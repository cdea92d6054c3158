"""Which side of which operating point a score falls on."""

import pytest

from ml.inference.decision import Decision, decide
from screening.models import Film
from tests.ml.helpers import seed_cnn_bundle


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, "negative"),
        (0.2999, "negative"),
        (0.3, "uncertain"),
        (0.6999, "uncertain"),
        (0.7, "positive"),
        (1.0, "positive"),
    ],
)
def test_bounds_belong_to_the_upper_side(score: float, expected: str) -> None:
    assert decide(score, 0.3, 0.7) == expected


def test_equal_points_leave_nothing_uncertain() -> None:
    assert [decide(score, 0.5, 0.5) for score in (0.49, 0.5, 0.51)] == ["negative", "positive", "positive"]


def test_shipped_points_leave_all_three_decisions_open() -> None:
    low, high = seed_cnn_bundle().low, seed_cnn_bundle().high
    assert 0 < low < high < 1
    assert {decide(score, low, high) for score in (0.0, (low + high) / 2, 1.0)} == {
        "negative",
        "uncertain",
        "positive",
    }


def test_the_database_has_the_same_decisions() -> None:
    assert Film.Decision.values == [decision.value for decision in Decision]
