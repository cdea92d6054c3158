"""Hidden gold cases: how they are made, offered and kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from screening.errors import NotFoundError, ScreeningError
from screening.models import Batch, Film, GoldCase, ReadingClaim, Review
from screening.reading import services as reading
from screening.reading.gold import add_gold_case
from screening.reading.queries import reviews_of
from tests.screening.factories import done, film
from tests.screening.reading.reading_room import state, take, waiting


@pytest.fixture(autouse=True)
def _every_film_is_followed_by_a_case(settings: Any) -> None:
    settings.GOLD_SHARE = 1.0
    settings.DOUBLE_READING_SHARE = 0.0


@pytest.fixture
def reader(db: None) -> User:
    return User.objects.create_user("reader", is_staff=True)


@pytest.fixture
def gold(batch: Batch, colleague: User) -> Film:
    """A negative film that shows signs of COVID-19."""
    one = done(batch, 500, 0.02, "negative")
    add_gold_case(film=one, truth="positive", added_by=colleague, note="PCR")
    return one


def test_a_case_comes_before_an_ordinary_film_and_leaves_its_film_alone(
    batch: Batch, gold: Film, reader: User
) -> None:
    one = waiting(batch)
    # Taken together with an ordinary film; the case is read first.
    assert take(reader) == gold.pk
    assert ReadingClaim.objects.filter(reader=reader).count() == 2
    entry = reading.record_verdict(reader=reader, film_id=gold.pk, answer="positive", blinded=True)
    assert (entry.gold, entry.verdict, entry.finding, entry.blinded) == (True, "overturned", "positive", True)
    assert state(gold) == "not_needed"
    assert take(reader) == one.pk
    assert not reading.record_verdict(reader=reader, film_id=one.pk, answer="positive").gold
    assert state(one) == "confirmed"


def test_every_reader_gets_a_case_once_and_who_made_it_never(
    batch: Batch, gold: Film, reader: User, colleague: User, third: User
) -> None:
    met = {}
    for person in (reader, third, colleague):
        met[person] = 0
        for number in range(3):
            waiting(batch, 10 * person.pk + number)
        while (taken := reading.next_film(person)) is not None:
            met[person] += taken == gold.pk
            reading.record_verdict(reader=person, film_id=taken, answer="positive")
    assert met == {reader: 1, third: 1, colleague: 0}


@pytest.fixture
def third(db: None) -> User:
    return User.objects.create_user("third", is_staff=True)


def test_a_case_never_comes_alone(gold: Film, reader: User) -> None:
    assert reading.next_film(reader) is None


def test_cases_come_about_as_often_as_the_setting_says(
    batch: Batch, reader: User, colleague: User, settings: Any
) -> None:
    import random

    settings.GOLD_SHARE = 0.1
    for number in range(200):
        waiting(batch, number)
        add_gold_case(film=done(batch, 1000 + number, 0.9), truth="positive", added_by=colleague)
    lot = random.Random(3).random
    for _ in range(200):
        reading.record_verdict(reader=reader, film_id=take(reader, lot), answer="positive")
    assert 9 <= Review.objects.filter(gold=True).count() <= 31


def test_a_case_can_be_undone_and_read_again(batch: Batch, gold: Film, reader: User) -> None:
    waiting(batch)
    reading.record_verdict(reader=reader, film_id=take(reader), answer="negative")
    assert reading.withdraw_last_verdict(reader)[1]
    assert take(reader) == gold.pk
    assert reading.record_verdict(reader=reader, film_id=gold.pk, answer="positive").gold
    assert state(gold) == "not_needed"


def test_a_films_history_does_not_tell_that_it_is_a_case(batch: Batch, gold: Film, reader: User) -> None:
    waiting(batch)
    reading.record_verdict(reader=reader, film_id=take(reader), answer="negative")
    assert not reviews_of(gold).exists()


def test_a_film_that_waits_gets_the_truth_as_its_verdict(batch: Batch, colleague: User) -> None:
    one = waiting(batch)
    add_gold_case(film=one, truth="negative", added_by=colleague)
    assert state(one) == "overturned"
    assert Review.objects.get().final


@pytest.mark.parametrize(
    ("fields", "truth", "code"),
    [
        ({}, "maybe", "truth_unknown"),
        ({"state": "queued", "decision": "", "score": None, "pictured": False}, "positive", "not_screened"),
    ],
)
def test_what_cannot_be_a_case(batch: Batch, colleague: User, fields: dict[str, Any], truth: str, code: str) -> None:
    one = film(batch, **{"state": "done", "score": 0.9, "decision": "positive", "pictured": True, **fields})
    with pytest.raises(ScreeningError, match=code):
        add_gold_case(film=one, truth=truth, added_by=colleague)


def test_a_case_is_made_once_and_by_staff(gold: Film, colleague: User, owner: User) -> None:
    with pytest.raises(ScreeningError, match="gold_already"):
        add_gold_case(film=gold, truth="positive", added_by=colleague)
    with pytest.raises(NotFoundError):
        add_gold_case(film=gold, truth="positive", added_by=owner)


def test_the_command_enters_a_table(batch: Batch, colleague: User, tmp_path: Path, capsys: Any) -> None:
    films = [done(batch, number) for number in range(2)]
    table = tmp_path / "cases.csv"
    table.write_text(f"film,truth,note\n{films[0].pk},positive,PCR\n{films[1].sha256},negative,\n")
    call_command("gold_case", str(table), by="colleague")
    assert "2 gold cases added" in capsys.readouterr().out
    assert set(GoldCase.objects.values_list("film", "truth", "note")) == {
        (films[0].pk, "positive", "PCR"),
        (films[1].pk, "negative", ""),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("film,truth\n{film},positive\n{film},maybe\nabc,positive\n", ["line 3", "line 4: there is no film 'abc'"]),
        ("film\n{film}\n", ["lacks the column truth"]),
    ],
)
def test_the_command_enters_all_or_nothing(
    batch: Batch, colleague: User, tmp_path: Path, text: str, words: list[str]
) -> None:
    table = tmp_path / "cases.csv"
    table.write_text(text.format(film=done(batch).pk))
    with pytest.raises(CommandError) as refusal:
        call_command("gold_case", str(table), by="colleague")
    assert all(word in str(refusal.value) for word in words)
    assert not GoldCase.objects.exists()
    with pytest.raises(CommandError, match="no member of staff"):
        call_command("gold_case", str(table), by="owner")


def test_staff_make_cases_from_the_list_of_films(batch: Batch, colleague: User) -> None:
    films = [done(batch, number) for number in range(2)]
    staff = Client()
    staff.force_login(colleague)
    form = {"action": "gold_negative", "_selected_action": [str(film.pk) for film in films]}
    page = staff.post(reverse("admin:screening_film_changelist"), form, follow=True).content.decode()
    assert "2 films made gold cases" in page
    assert GoldCase.objects.filter(truth="negative", added_by=colleague).count() == 2
    assert "film-0.png" in staff.get(reverse("admin:screening_goldcase_changelist")).content.decode()
