from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.data.datasets import FilmRecord
from ml.evaluation.subgroups import age_band, evaluate_subgroups, view_of


def film(number: int, source: str = "a", finding: str = "covid", **fields: object) -> FilmRecord:
    return FilmRecord(Path(str(number)), source, finding, str(number), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "band"),
    [(0.0, "under 18"), (18.0, "18 to 39"), (79.9, "60 to 79"), (95.0, "80 and over"), (None, "not told")],
)
def test_ages_fall_in_bands(age: float | None, band: str) -> None:
    assert age_band(film(1, age=age)) == band


def test_the_childrens_collection_is_under_18_though_it_tells_no_age() -> None:
    assert age_band(film(1, source="chest_xray")) == "under 18"


def test_lying_films_are_ap() -> None:
    assert [view_of(film(1, view=view)) for view in ("AP Supine", "PA", "")] == ["AP", "PA", "not told"]


def test_a_group_has_a_number_with_an_interval_or_is_too_few() -> None:
    rng = np.random.default_rng(0)
    films = [film(n, "hospital", "covid" if n % 2 else "normal", sex="M" if n < 60 else "F") for n in range(66)]
    scores = rng.random(66) + 0.5 * np.array([record.label for record in films])
    rows = {(row.dimension, row.name): row for row in evaluate_subgroups(films, [str(n) for n in range(66)], scores)}
    male, female = rows["sex", "male"], rows["sex", "female"]
    assert male.low is not None
    assert male.auroc is not None
    assert male.high is not None
    assert male.low <= male.auroc <= male.high
    assert (male.films, male.positives) == (60, 30)
    assert (female.films, female.auroc) == (6, None)


def test_a_source_of_one_class_is_set_against_all_films_of_the_other() -> None:
    films = [film(n, "ill", "covid") for n in range(20)] + [film(n, "well", "normal") for n in range(20, 50)]
    scores = np.linspace(1, 0, 50)
    rows = evaluate_subgroups(films, [str(n) for n in range(50)], scores)
    ill = next(row for row in rows if row.name == "ill")
    assert (ill.films, ill.positives, ill.auroc) == (50, 20, 1.0)
