"""Figures of readers, reckoned by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from screening.models import Batch, Film, Review
from screening.reading.gold import add_gold_case
from screening.reading.reviews import create_review, withdraw_verdict
from screening.reading.statistics import agreement_of_all_readers, all_reader_figures, reader_figures
from tests.screening.factories import done


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("other", is_staff=True)


@pytest.fixture(autouse=True)
def _two_readers(settings: Any) -> None:
    settings.READINGS_NEEDED = 2
    settings.READING_CLAIM_SECONDS = 600


def films(batch: Batch, number: int, decision: str = "positive", start: int = 0) -> list[Film]:
    return [
        done(batch, start + index, 0.9, decision, flags=["positive"], review_state="pending")
        for index in range(number)
    ]


def said(film: Film, reader: User, verdict: str, seconds: float | None = 10, **fields: Any) -> Review:
    return create_review(film, reviewer=reader, verdict=verdict, note="", seconds=seconds, **fields)


def test_pace_counts_time_on_the_screen_and_an_afternoon_away_as_one_claim(batch: Batch, colleague: User) -> None:
    times = [5.0, 15.0, 10.0, 40_000.0]
    for film, seconds in zip(films(batch, 4), times, strict=True):
        said(film, colleague, "confirmed", seconds)
    figures = reader_figures(colleague, compared_until=timezone.now())
    assert figures is not None
    assert figures.films == 4
    assert figures.median_seconds == pytest.approx(12.5)
    assert figures.films_an_hour == pytest.approx(4 * 3600 / (5 + 15 + 10 + 600))


def test_agreement_with_the_model_is_kept_apart_by_what_was_in_sight(batch: Batch, colleague: User) -> None:
    sure, unsure = films(batch, 5), films(batch, 1, "uncertain", 10)
    for film, verdict in zip(sure[:3], ["confirmed", "confirmed", "overturned"], strict=True):
        said(film, colleague, verdict, blinded=True)
    said(sure[3], colleague, "confirmed")
    said(sure[4], colleague, "unreadable", blinded=True)
    said(unsure[0], colleague, "confirmed", blinded=True)
    figures = reader_figures(colleague, compared_until=timezone.now())
    assert figures is not None
    assert figures.blinded is not None
    assert figures.in_sight is not None
    assert (figures.blinded.count, figures.blinded.n) == (2, 3)
    assert (figures.in_sight.count, figures.in_sight.n) == (1, 1)
    assert figures.unreadable == 1
    assert figures.blinded.low == pytest.approx(0.2077, abs=1e-3)  # Wilson, 2 of 3
    assert figures.blinded.high == pytest.approx(0.9385, abs=1e-3)


def test_what_was_withdrawn_or_not_read_in_the_room_does_not_count(batch: Batch, colleague: User) -> None:
    one, two = films(batch, 2)
    said(one, colleague, "confirmed", seconds=None, final=True)
    assert reader_figures(colleague, compared_until=timezone.now()) is None
    said(two, colleague, "confirmed")
    withdraw_verdict(reader=colleague)
    assert reader_figures(colleague, compared_until=timezone.now()) is None
    assert all_reader_figures() == []


def test_hidden_cases_count_from_the_next_day_on_and_against_their_truth(
    batch: Batch, colleague: User, other: User
) -> None:
    cases = films(batch, 3)
    for case in cases:
        add_gold_case(film=case, truth="positive", added_by=other)
    for case, verdict in zip(cases, ["confirmed", "overturned", "unreadable"], strict=True):
        said(case, colleague, verdict, gold=True)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = reader_figures(colleague, compared_until=midnight)
    assert today is not None
    assert not today.gold
    assert not today.blinded
    assert not today.in_sight
    Review.objects.update(created_at=midnight - timedelta(seconds=1))
    tomorrow = reader_figures(colleague, compared_until=midnight)
    assert tomorrow is not None
    assert tomorrow.gold is not None
    assert (tomorrow.gold.count, tomorrow.gold.n) == (1, 2)
    (seen_by_staff,) = all_reader_figures()
    assert seen_by_staff.gold is not None
    assert (seen_by_staff.gold.count, seen_by_staff.gold.n) == (1, 2)


def test_double_readings_are_compared_whoever_was_first(batch: Batch, colleague: User, other: User) -> None:
    """20 both positive, 15 both negative, 10 and 5 apart: kappa 0.4, as by hand."""
    pairs = [("confirmed", "confirmed")] * 20 + [("overturned", "overturned")] * 15
    pairs += [("confirmed", "overturned")] * 5 + [("overturned", "confirmed")] * 10
    for index, (film, (mine, theirs)) in enumerate(zip(films(batch, 50), pairs, strict=True)):
        readings = [(colleague, mine), (other, theirs)]
        for reader, verdict in readings if index % 2 else reversed(readings):
            said(film, reader, verdict)
    # The last word was given with both readings in sight; it is no third reading.
    third = User.objects.create_user("third", is_staff=True)
    said(Film.objects.filter(review_state="disputed").first() or films(batch, 1)[0], third, "confirmed", final=True)
    by_name = {figures.reader: figures for figures in all_reader_figures()}
    for name in ("colleague", "other"):
        doubles = by_name[name].doubles
        assert doubles is not None
        assert doubles.value == pytest.approx(0.4)
        assert (doubles.agreed, doubles.films) == (35, 50)
    assert by_name["third"].doubles is None
    overall = agreement_of_all_readers()
    assert overall is not None
    assert overall.films == 50


def test_the_number_of_queries_does_not_grow(
    batch: Batch, colleague: User, other: User, django_assert_num_queries: Any
) -> None:
    for film in films(batch, 6):
        said(film, colleague, "confirmed")
        said(film, other, "confirmed")
    with django_assert_num_queries(2):
        all_reader_figures()
    with django_assert_num_queries(2):
        reader_figures(colleague, compared_until=timezone.now())
