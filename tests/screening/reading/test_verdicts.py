"""The reading room: verdicts, undo, two readers and a third."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from screening.errors import ScreeningError
from screening.models import Batch, ReadingClaim, Review
from screening.reading import queries as reading_queries
from screening.reading import services as reading
from screening.reading.reviews import record_review
from tests.screening.reading.reading_room import other, read, single_readings, state, take, third, waiting

__all__ = ["other", "single_readings", "third"]  # fixtures


def test_a_verdict_says_how_it_came_about(batch: Batch, colleague: User) -> None:
    one = waiting(batch)
    taken = take(colleague)
    reading.open_claim(colleague, taken, blinded=True)
    ReadingClaim.objects.update(shown_at=timezone.now() - timedelta(seconds=30))
    entry = reading.record_verdict(reader=colleague, film_id=taken, answer="negative", note=" clear ", blinded=True)
    assert (entry.verdict, entry.finding, entry.blinded, entry.note) == ("overturned", "negative", True, "clear")
    assert (entry.score, entry.decision, entry.final, entry.gold) == (0.9, "positive", False, False)
    assert entry.seconds == pytest.approx(30, abs=5)
    assert state(one) == "overturned"
    assert not ReadingClaim.objects.exists()


def test_who_has_seen_the_score_is_not_blinded_any_more(batch: Batch, colleague: User) -> None:
    waiting(batch)
    taken = take(colleague)
    reading.open_claim(colleague, taken, blinded=False)
    reading.open_claim(colleague, taken, blinded=True)
    assert not reading.record_verdict(reader=colleague, film_id=taken, answer="positive", blinded=True).blinded


def test_nobody_confirms_what_is_hidden(batch: Batch, colleague: User) -> None:
    waiting(batch)
    with pytest.raises(ScreeningError, match="verdict_unknown"):
        read(colleague, "confirmed", blinded=True)
    with pytest.raises(ScreeningError, match="verdict_unknown"):
        read(colleague, "withdrawn")
    assert not Review.objects.exists()
    assert ReadingClaim.objects.count() == 1


def test_an_uncertain_film_is_settled_by_what_the_reader_sees(batch: Batch, colleague: User) -> None:
    signs, none = waiting(batch, 1, "uncertain", 0.45), waiting(batch, 2, "uncertain", 0.4)
    answers = {signs.pk: "positive", none.pk: "negative"}
    for _ in answers:
        taken = take(colleague)
        reading.record_verdict(reader=colleague, film_id=taken, answer=answers[taken])
    assert (state(signs), state(none)) == ("confirmed", "overturned")


def test_the_same_form_twice_is_one_verdict(batch: Batch, colleague: User) -> None:
    waiting(batch)
    first = read(colleague, "confirmed")
    assert reading.record_verdict(reader=colleague, film_id=first.film_id, answer="confirmed") == first
    assert Review.objects.count() == 1


def test_undo_adds_a_row_and_gives_the_film_again(batch: Batch, colleague: User) -> None:
    one = waiting(batch)
    waiting(batch, 2, score=0.1)
    first = read(colleague, "positive", blinded=True)
    take(colleague)
    withdrawn, again = reading.withdraw_last_verdict(colleague)
    assert (withdrawn, again) == (first, True)
    assert state(one) == "pending"
    assert take(colleague) == one.pk
    assert [entry.verdict for entry in Review.objects.all()] == ["withdrawn", "confirmed"]
    second = reading.record_verdict(reader=colleague, film_id=one.pk, answer="negative", blinded=True)
    assert not second.blinded  # the model's answer to the first verdict was seen
    assert state(one) == "overturned"


def test_undo_goes_back_one_by_one_and_no_further_than_ten_minutes(
    batch: Batch, colleague: User, other: User
) -> None:
    films = [waiting(batch, number, score=0.9 - number / 100) for number in range(3)]
    for _ in films:
        read(colleague, "positive")
    Review.objects.filter(film=films[0]).update(created_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert reading.withdraw_last_verdict(colleague)[0].film == films[2]
    assert reading.withdraw_last_verdict(colleague)[0].film == films[1]
    for reader in (colleague, other):
        with pytest.raises(ScreeningError, match="nothing_to_undo"):
            reading.withdraw_last_verdict(reader)
    assert [state(film) for film in films] == ["confirmed", "pending", "pending"]


def test_two_readers_who_agree_settle_a_film(batch: Batch, colleague: User, other: User, settings: Any) -> None:
    settings.READINGS_NEEDED = 2
    one = waiting(batch)
    read(colleague, "positive")
    assert state(one) == "pending"
    assert reading.next_film(colleague) is None  # the second reader is another person
    read(other, "positive")
    assert state(one) == "confirmed"


def test_a_third_reader_settles_what_two_differ_about(
    batch: Batch, colleague: User, other: User, third: User, settings: Any
) -> None:
    settings.READINGS_NEEDED = 2
    one = waiting(batch)
    read(colleague, "positive", note="left base")
    read(other, "negative")
    assert state(one) == "disputed"
    assert reading.next_film(colleague) is reading.next_film(other) is None
    waiting(batch, 2)
    taken = take(third)
    assert taken == one.pk  # what is disputed comes first
    assert [entry.note for entry in reading_queries.valid_readings(one)] == ["left base", ""]
    entry = reading.record_verdict(reader=third, film_id=taken, answer="negative")
    assert entry.final
    assert state(one) == "overturned"


def test_undone_adjudication_is_disputed_again_and_with_the_same_reader(
    batch: Batch, colleague: User, other: User, third: User, settings: Any
) -> None:
    settings.READINGS_NEEDED = 2
    one = waiting(batch)
    read(colleague, "positive")
    read(other, "negative")
    read(third, "negative")
    assert reading.withdraw_last_verdict(third)[1]
    assert state(one) == "disputed"
    assert read(third, "positive").final
    assert state(one) == "confirmed"


def test_a_second_opinion_is_given_by_another_and_settles_the_film(
    batch: Batch, colleague: User, other: User
) -> None:
    one = waiting(batch)
    read(colleague, "second_opinion", note="is this a line?")
    assert state(one) == "disputed"
    assert reading.next_film(colleague) is None
    assert read(other, "unreadable").final
    assert state(one) == "unreadable"


def test_staff_settle_a_film_on_its_page_and_other_reviewers_do_not(
    batch: Batch, colleague: User, other: User, third: User
) -> None:
    one = waiting(batch)
    record_review(film=one, reviewer=other, verdict="confirmed")
    assert state(one) == "confirmed"
    read_by_third = record_review(film=one, reviewer=third, verdict="second_opinion")
    assert not read_by_third.final
    assert state(one) == "disputed"
    assert record_review(film=one, reviewer=colleague, verdict="overturned").final
    assert state(one) == "overturned"
    record_review(film=one, reviewer=other, verdict="confirmed")
    assert state(one) == "overturned"


def test_the_second_readers_verdict_is_no_adjudication_where_they_saw_nothing(
    batch: Batch, colleague: User, other: User, third: User, settings: Any
) -> None:
    """The film becomes disputed while somebody reads it unawares: theirs is one reading more, not the last word."""
    settings.READINGS_NEEDED = 2
    one = waiting(batch)
    read(colleague, "positive")
    taken = take(other)
    record_review(film=one, reviewer=third, verdict="second_opinion")
    assert not reading.record_verdict(reader=other, film_id=taken, answer="negative").final
    assert state(one) == "disputed"
