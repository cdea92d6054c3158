"""Readers who ask at the same moment, each over a connection of their own."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import close_old_connections, connection

from screening.batches import services as batches
from screening.errors import ScreeningError
from screening.models import Batch, Film, ReadingClaim, Review
from screening.reading import services as reading
from screening.reading import statements
from tests.screening.reading.reading_room import waiting

pytestmark = pytest.mark.django_db(transaction=True)

READERS, FILMS = 8, 60


@pytest.fixture
def readers() -> list[User]:
    return [User.objects.create_user(f"reader-{number}", is_staff=True) for number in range(READERS)]


@pytest.fixture
def films(readers: list[User], settings: Any) -> list[Film]:
    settings.GOLD_SHARE = 0.0
    settings.DOUBLE_READING_SHARE = 0.0
    call_command("ensure_models", verbosity=0)
    batch: Batch = batches.create_batch(owner=readers[0], name="Ward 3")
    decisions = {"positive": 0.9, "uncertain": 0.4, "negative": 0.01}
    return [
        waiting(batch, number, decision, score + number / 10_000)
        for number in range(FILMS)
        for decision, score in [random.Random(number).choice(list(decisions.items()))]
    ]


def together(readers: list[User], work: Callable[[User], Any]) -> list[Any]:
    """Everybody at once; what each of them returned."""
    start = threading.Barrier(len(readers))

    def run(reader: User) -> Any:
        close_old_connections()
        try:
            start.wait()
            return work(reader)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(readers)) as pool:
        return list(pool.map(run, readers))


def test_no_film_is_with_two_readers_and_none_is_lost(readers: list[User], films: list[Film]) -> None:
    """Each reader notes when they had which film; no two such spans of one film overlap, and all films get read."""
    spans: dict[Any, list[tuple[float, float]]] = {film.pk: [] for film in films}

    def work(reader: User) -> int:
        number, idle = 0, 0
        while idle < 3:
            film = reading.next_film(reader)
            if film is None:
                idle += 1
                continue
            taken = time.monotonic()
            ahead = reading.prefetch_next(reader, film)
            assert ahead != film
            if random.random() < 0.2:
                spans[film].append((taken, time.monotonic()))
                reading.release_claims(reader)
                continue
            spans[film].append((taken, time.monotonic()))
            reading.record_verdict(reader=reader, film_id=film, answer="positive")
            number += 1
        return number

    read = together(readers, work)
    assert sum(read) == FILMS
    assert Counter(Review.objects.values_list("film_id", flat=True)) == dict.fromkeys(spans, 1)
    assert not Film.objects.filter(review_state="pending").exists()
    for times in spans.values():
        ordered = sorted(times)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(ordered))


def test_one_film_goes_to_exactly_one_of_those_who_ask(readers: list[User], films: list[Film]) -> None:
    Film.objects.exclude(pk=films[0].pk).update(review_state="not_needed")
    for _ in range(10):
        won = [film for film in together(readers, reading.next_film) if film is not None]
        assert won == [films[0].pk]
        ReadingClaim.objects.all().delete()


def test_all_get_a_film_while_there_are_enough(readers: list[User], films: list[Film]) -> None:
    """Nobody goes away empty-handed because others asked at the same moment."""
    for _ in range(5):
        won = together(readers, reading.next_film)
        assert None not in won
        assert len(set(won)) == READERS
        ReadingClaim.objects.all().delete()


def test_a_claim_that_ran_out_goes_to_one_of_those_who_ask(readers: list[User], films: list[Film]) -> None:
    Film.objects.exclude(pk=films[0].pk).update(review_state="not_needed")
    reading.next_film(readers[0])
    for _ in range(10):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE screening_readingclaim SET until = now() - interval '1 second'")
        won = [film for film in together(readers[1:], reading.next_film) if film is not None]
        assert won == [films[0].pk]


def test_a_verdict_given_twice_at_once_is_entered_once(readers: list[User], films: list[Film]) -> None:
    reader = readers[0]
    film = reading.next_film(reader)
    assert film is not None
    together([reader] * 4, lambda one: reading.record_verdict(reader=one, film_id=film, answer="positive"))
    assert Review.objects.count() == 1


def test_undo_pressed_twice_at_once_takes_back_one_verdict_at_a_time(readers: list[User], films: list[Film]) -> None:
    reader = readers[0]
    film = reading.next_film(reader)
    assert film is not None
    reading.record_verdict(reader=reader, film_id=film, answer="positive")

    def undo(one: User) -> bool:
        try:
            reading.withdraw_last_verdict(one)
        except ScreeningError:
            return False
        return True

    assert sorted(together([reader] * 4, undo)) == [False, False, False, True]
    assert Film.objects.get(pk=film).review_state == "pending"


def test_who_began_before_another_took_the_film_gets_the_next_one(readers: list[User], films: list[Film]) -> None:
    """A statement chooses by what it saw at its start; a claim made since then is found only when it inserts."""
    slow = statements.CLAIM_POSITIVE.replace(
        "FROM screening_xray AS film", "FROM (SELECT pg_sleep(1)) AS nap, screening_xray AS film"
    )
    assert slow != statements.CLAIM_POSITIVE
    best, second = Film.objects.filter(decision="positive").order_by("-score")[:2]
    row = {"reader": readers[1].pk, "lease": reading._lease(), "middle": 0.4}

    def late(_: User) -> Any:
        return reading._claim_by(slow, row)

    def early(reader: User) -> Any:
        time.sleep(0.4)
        return reading.next_film(reader, lambda: 0.0)

    work = {readers[0]: early, readers[1]: late}
    assert together(readers[:2], lambda reader: work[reader](reader)) == [best.pk, second.pk]
    assert dict(ReadingClaim.objects.values_list("film", "reader")) == {
        best.pk: readers[0].pk,
        second.pk: readers[1].pk,
    }
