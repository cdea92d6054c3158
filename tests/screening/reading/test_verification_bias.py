"""What verdicts say of a model, by hand-made numbers."""

from __future__ import annotations

import pytest

from ml.statistics.estimate import wilson_interval
from screening.batches.counts import FilmGroup
from screening.reading.verification_bias import estimate_from_verdicts


def group(decision: str, review_state: str, films: int) -> FilmGroup:
    return FilmGroup("done", decision, review_state, films, None)


READ = [
    group("positive", "confirmed", 60), group("positive", "overturned", 20), group("positive", "unreadable", 5),
    group("uncertain", "confirmed", 10), group("uncertain", "overturned", 30),
    group("negative", "not_needed", 900), group("negative", "confirmed", 45), group("negative", "overturned", 5),
    group("negative", "pending", 50),
]  # fmt: skip


def test_negatives_count_by_how_many_they_stand_for() -> None:
    found = estimate_from_verdicts(READ)
    assert found is not None
    # One in ten of 1,000 negative films has signs: 100 missed besides the 70 found; 900 healthy besides 50 flagged.
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert found.sensitivity.value == pytest.approx(70 / 170)
    assert found.specificity.value == pytest.approx(900 / 950)
    low, high = wilson_interval(5, 50)
    assert found.sensitivity.low == pytest.approx(70 / (70 + 1000 * high))
    assert found.sensitivity.high == pytest.approx(70 / (70 + 1000 * low))
    assert found.specificity.low == pytest.approx(1000 * (1 - high) / (1000 * (1 - high) + 50))
    assert found.specificity.high == pytest.approx(1000 * (1 - low) / (1000 * (1 - low) + 50))


def test_the_flagged_films_alone_would_flatter_the_model() -> None:
    found = estimate_from_verdicts(READ)
    assert found is not None
    assert found.sensitivity is not None
    assert found.sensitivity.high is not None
    assert found.sensitivity.high < 70 / 75  # as if the 5 found in the sample were all there are


def test_each_decision_has_its_share() -> None:
    found = estimate_from_verdicts(READ)
    assert found is not None
    assert [(row.decision, row.films, row.read, row.with_signs) for row in found.rows] == [
        ("positive", 85, 80, 60), ("uncertain", 40, 40, 10), ("negative", 1000, 50, 5),
    ]  # fmt: skip
    assert [row.share.value for row in found.rows if row.share] == [0.75, 0.25, 0.1]


def test_nothing_is_corrected_while_flagged_films_wait() -> None:
    found = estimate_from_verdicts([*READ, group("uncertain", "disputed", 1)])
    assert found is not None
    assert (found.sensitivity, found.specificity) == (None, None)
    assert found.rows[0].share is not None


def test_without_an_audit_sample_only_the_shares_are_told() -> None:
    found = estimate_from_verdicts([one for one in READ if one.decision != "negative"])
    assert found is not None
    assert found.sensitivity is None
    assert found.rows[-1].share is None


def test_few_verdicts_say_nothing() -> None:
    assert estimate_from_verdicts([group("positive", "confirmed", 19)]) is None
    assert estimate_from_verdicts([]) is None


def test_negatives_flagged_by_a_note_stand_only_for_themselves() -> None:
    noted = [group("negative", "confirmed", 6), group("negative", "overturned", 4)]
    found = estimate_from_verdicts([*READ, *noted], noted)
    assert found is not None
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert found.sensitivity.value == pytest.approx(70 / 174)
    assert found.specificity.value == pytest.approx(906 / 956)
    assert [(row.decision, row.films, row.noted) for row in found.rows[2:]] == [
        ("negative", 1000, False), ("negative", 10, True),
    ]  # fmt: skip


def test_nothing_is_corrected_while_a_noted_film_waits() -> None:
    noted = [group("negative", "pending", 1)]
    found = estimate_from_verdicts([*READ, *noted], noted)
    assert found is not None
    assert (found.sensitivity, found.specificity) == (None, None)
