"""The reading room: whose turn a film is, and claims on films."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from screening.accounts.access import is_reviewer
from screening.batches import queries
from screening.errors import NotFoundError, ScreeningError
from screening.models import Batch, Film, ReadingClaim, ReadingSkip, Review
from screening.reading import queries as reading_queries
from screening.reading import services as reading
from tests.screening.factories import film
from tests.screening.reading.reading_room import (
    AUDIT_TURN,
    POSITIVE_TURN,
    UNCERTAIN_TURN,
    other,
    single_readings,
    state,
    take,
    waiting,
)  # fmt: skip

__all__ = ["other", "single_readings"]  # fixtures


def test_who_may_read(other: User, colleague: User, stranger: User) -> None:
    assert is_reviewer(other)
    assert is_reviewer(colleague)
    assert not is_reviewer(stranger)
    other.is_active = False
    assert not is_reviewer(other)
    with pytest.raises(NotFoundError):
        reading.next_film(stranger)


def test_a_reviewer_sees_films_but_no_batches(batch: Batch, other: User, stranger: User) -> None:
    one = waiting(batch)
    assert queries.film_for(other, one.pk) == queries.picture_for(other, one.pk) == one
    with pytest.raises(NotFoundError):
        queries.batch_for(other, batch.pk)
    with pytest.raises(NotFoundError):
        queries.film_for(stranger, one.pk)


def test_positive_films_come_by_score_and_uncertain_ones_by_nearness_to_the_middle(
    batch: Batch, colleague: User
) -> None:
    low, high = (batch.model.card["operating_points"][name] for name in ("low", "high"))
    middle, width = (low + high) / 2, (high - low) / 2
    positives = [waiting(batch, number, score=0.8 + number / 100) for number in range(3)]
    places = (0.8, -0.1, 0.3, -0.6)
    uncertain = [
        waiting(batch, 10 + number, "uncertain", middle + place * width) for number, place in enumerate(places)
    ]
    order = []
    for turn in [UNCERTAIN_TURN] * 4 + [POSITIVE_TURN] * 3:
        order.append(take(colleague, turn))
        reading.record_verdict(reader=colleague, film_id=order[-1], answer="positive")
    by_nearness = sorted(uncertain, key=lambda film: abs((film.score or 0) - middle))
    assert order == [film.pk for film in (*by_nearness, *reversed(positives))]


def test_a_class_without_films_leaves_its_turn_to_the_others(batch: Batch, colleague: User, other: User) -> None:
    audit = waiting(batch, 1, "negative", 0.05)
    assert take(colleague, POSITIVE_TURN) == audit.pk
    assert reading.next_film(other, AUDIT_TURN) is None


def test_audit_films_come_in_an_order_that_has_nothing_to_do_with_their_scores(batch: Batch, colleague: User) -> None:
    films = [waiting(batch, number, "negative", number / 1000) for number in range(6)]
    waiting(batch, 99)
    order = []
    for _ in films:
        order.append(take(colleague, AUDIT_TURN))
        reading.record_verdict(reader=colleague, film_id=order[-1], answer="negative")
    assert order == sorted(film.pk for film in films)


def test_turns_fall_as_the_rule_says(batch: Batch, colleague: User) -> None:
    """Of 200 films with all three kinds waiting about 125 are positive, 50 uncertain, 25 audit films."""
    import random

    for number in range(200):
        waiting(batch, number)
        waiting(batch, 1000 + number, "uncertain", 0.4)
        waiting(batch, 2000 + number, "negative", 0.01)
    lot = random.Random(7).random
    for _ in range(200):
        reading.record_verdict(reader=colleague, film_id=take(colleague, lot), answer="positive")
    read_of = {decision: Review.objects.filter(decision=decision).count() for decision in Film.Decision}
    assert 105 <= read_of[Film.Decision.POSITIVE] <= 145
    assert 35 <= read_of[Film.Decision.UNCERTAIN] <= 65
    assert 14 <= read_of[Film.Decision.NEGATIVE] <= 38


def test_films_without_a_picture_are_left_to_the_list(batch: Batch, colleague: User) -> None:
    film(batch, 1, state="failed", code="damaged_pixels", flags=["failed"], review_state="pending")
    assert reading.next_film(colleague) is None
    counted = reading_queries.count_waiting()
    assert (counted.pending, counted.unseen, counted.readable) == (1, 1, 0)


def test_a_reader_keeps_the_film_they_have_and_nobody_else_gets_it(
    batch: Batch, colleague: User, other: User
) -> None:
    first, second = waiting(batch, 1, score=0.95), waiting(batch, 2, score=0.9)
    assert take(colleague) == take(colleague) == first.pk
    assert take(other) == second.pk
    assert ReadingClaim.objects.count() == 2


def test_the_next_film_is_held_beforehand_and_no_third(batch: Batch, colleague: User, other: User) -> None:
    films = [waiting(batch, number, score=0.99 - number / 100) for number in range(3)]
    current = take(colleague)
    assert reading.prefetch_next(colleague, current) == reading.prefetch_next(colleague, current) == films[1].pk
    assert take(other) == films[2].pk
    reading.record_verdict(reader=colleague, film_id=current, answer="positive")
    assert take(colleague) == films[1].pk


def test_a_claim_runs_out_and_the_film_goes_to_another(batch: Batch, colleague: User, other: User) -> None:
    one = waiting(batch)
    take(colleague)
    assert reading.next_film(other) is None
    ReadingClaim.objects.update(until=timezone.now() - timedelta(minutes=5))
    assert take(other) == one.pk
    with pytest.raises(ScreeningError, match="claim_lost") as refusal:
        reading.record_verdict(reader=colleague, film_id=one.pk, answer="positive", note="a nipple shadow")
    assert "a nipple shadow" in refusal.value.detail
    with pytest.raises(ScreeningError, match="claim_lost"):
        reading.renew_claim(colleague, one.pk)
    assert not Review.objects.exists()


def test_a_claim_lasts_as_long_as_the_setting_says(batch: Batch, colleague: User, settings: Any) -> None:
    settings.READING_CLAIM_SECONDS = 40
    waiting(batch)
    taken = take(colleague)
    left = ReadingClaim.objects.get().until - timezone.now()
    assert timedelta(seconds=35) < left <= timedelta(seconds=40)
    settings.READING_CLAIM_SECONDS = 400
    reading.renew_claim(colleague, taken)
    assert ReadingClaim.objects.get().until - timezone.now() > timedelta(seconds=395)


def test_a_claim_that_ran_out_unnoticed_still_takes_the_verdict(batch: Batch, colleague: User) -> None:
    one = waiting(batch)
    take(colleague)
    ReadingClaim.objects.update(until=timezone.now() - timedelta(hours=1))
    reading.record_verdict(reader=colleague, film_id=one.pk, answer="confirmed")
    assert state(one) == "confirmed"


def test_a_film_handed_back_goes_to_whoever_asks(batch: Batch, colleague: User, other: User) -> None:
    one, two = waiting(batch, 1), waiting(batch, 2, score=0.5)
    reading.prefetch_next(colleague, take(colleague))
    assert reading.release_claims(colleague) == 2
    assert {take(other), take(colleague)} == {one.pk, two.pk}


def test_a_skipped_film_goes_to_others_and_comes_back_after_an_hour(
    batch: Batch, colleague: User, other: User
) -> None:
    one = waiting(batch)
    reading.skip_film(colleague, take(colleague))
    assert reading.next_film(colleague) is None
    assert take(other) == one.pk
    reading.release_claims(other)
    ReadingSkip.objects.update(until=timezone.now() - timedelta(minutes=5))
    assert take(colleague) == one.pk
