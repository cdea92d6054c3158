"""What stands around a film, held against the whole list."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from screening.batches import neighbours, queries
from screening.models import Batch, Film, ModelVersion
from tests.screening.factories import done, film

SCORES = (0.9, 0.1, 0.5, 0.5, 0.5, None, None, 0.2, 1.0, 0.0)


@pytest.fixture
def films(batch: Batch) -> list[Film]:
    """Ties in score, time and name, and films without a score."""
    now = timezone.now()
    made = []
    for number, score in enumerate(SCORES):
        fields = {"created_at": now, "original_name": f"film-{number % 3}.png"}
        if score is None:
            made.append(film(batch, number, **fields))
        else:
            made.append(
                done(batch, number, score=score, decision="positive" if score > 0.3 else "negative", **fields)
            )
    return made


@pytest.mark.parametrize("sort", ["sent", "name", "score", "uncertainty"])
@pytest.mark.parametrize(
    "wanted", [{}, {"state": "done"}, {"decision": "negative"}, {"state": "queued"}, {"bar": "10"}]
)
def test_neighbours_and_places_are_those_of_the_list(films: list[Film], sort: str, wanted: dict[str, str]) -> None:
    rows = queries.films_of(films[0].batch, **wanted, sort=sort)
    listed = list(rows)
    for place, one in enumerate(listed):
        before = listed[place - 1] if place else None
        after = listed[place + 1] if place + 1 < len(listed) else None
        assert queries.neighbours_of(one, **wanted, sort=sort) == (before, after)
        assert neighbours.position_in(one, rows, sort, len(listed)) == place + 1


def test_a_film_that_left_the_list_still_stands_somewhere_in_it(films: list[Film]) -> None:
    low = next(one for one in films if one.score == 0.1)
    before, after = queries.neighbours_of(low, decision="positive", sort="score")
    assert before is not None
    assert before.score == 0.5
    assert after is None
    rows = queries.films_of(low.batch, decision="positive", sort="score")
    assert neighbours.position_in(low, rows, "score", 5) is None


def test_no_place_is_counted_in_a_long_list(films: list[Film]) -> None:
    with CaptureQueriesContext(connection) as asked:
        rows = queries.films_of(films[0].batch)
        assert neighbours.position_in(films[0], rows, "sent", neighbours.MAX_COUNTED + 1) is None
    assert len(asked) == 0


def test_twins_are_the_owners_own_in_other_batches(
    batch: Batch, model_version: ModelVersion, owner: User, stranger: User
) -> None:
    mine = done(batch, 1)
    later, theirs = (
        Batch.objects.create(owner=user, name="Other", model=model_version) for user in (owner, stranger)
    )
    twin = done(later, 1)
    done(theirs, 1)
    done(later, 2)
    film(batch, 1, state="rejected", code="duplicate", stored=False)
    assert list(neighbours.copies_in_other_batches(mine)) == [twin]
    assert list(neighbours.copies_in_other_batches(twin)) == [mine]


def test_other_films_of_the_patient(batch: Batch, model_version: ModelVersion, owner: User) -> None:
    first, second = (done(batch, number, patient="abc") for number in (1, 2))
    done(batch, 3, patient="other")
    film(batch, 4, patient="abc")  # without a picture
    done(Batch.objects.create(owner=owner, name="Other", model=model_version), 5, patient="abc")
    alone = done(batch, 6)
    done(batch, 7)
    assert list(neighbours.films_of_patient(first)) == [second]
    assert list(neighbours.films_of_patient(alone)) == []


def test_members_of_an_archive(batch: Batch) -> None:
    archive = film(
        batch, 1, kind="zip", state="unpacked", stored=False, code="unpacked", reason="All files have rows."
    )
    inside = [film(batch, number, archive=archive) for number in (2, 3)]
    film(batch, 4)
    assert list(neighbours.members_of(archive)) == inside
