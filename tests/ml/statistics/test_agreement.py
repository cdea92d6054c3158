from __future__ import annotations

import numpy as np
import pytest

from ml.statistics.agreement import cohen_kappa


def test_kappa_by_hand() -> None:
    """Cohen's kappa of the usual example: 0.7 observed, 0.5 by chance."""
    kappa = cohen_kappa([[20, 5], [10, 15]])
    assert kappa is not None
    assert kappa.value == pytest.approx(0.4)
    assert (kappa.agreed, kappa.films) == (35, 50)


def test_interval_covers_kappa_as_often_as_it_says() -> None:
    """Drawn from known shares with kappa 0.5; of 95 % intervals about 95 % hold it."""
    shares = np.array([[0.375, 0.125], [0.125, 0.375]])
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        kappa = cohen_kappa(rng.multinomial(200, shares.ravel()).reshape(2, 2).tolist())
        assert kappa is not None
        assert kappa.low is not None
        assert kappa.high is not None
        held += kappa.low <= 0.5 <= kappa.high
    assert 925 <= held <= 975


def test_perfect_and_opposite() -> None:
    perfect, opposite = cohen_kappa([[5, 0, 0], [0, 4, 0], [0, 0, 1]]), cohen_kappa([[0, 5], [5, 0]])
    assert perfect is not None
    assert opposite is not None
    assert (perfect.value, perfect.low, perfect.high) == pytest.approx((1, 1, 1))
    assert opposite.value == pytest.approx(-1)
    assert opposite.low is not None
    assert opposite.low >= -1


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[7, 0], [0, 0]]])
def test_undefined_is_none(table: list[list[int]]) -> None:
    assert cohen_kappa(table) is None
