"""Lists of a batch's films: filter by a histogram bar, sort by uncertainty, and totals without COUNT(*)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from screening.models import Batch
from tests.dashboard.conftest import MakeFilms
from tests.screening.factories import done, film

SCORES = (0.0, 0.04, 0.05, 0.49, 0.52, 0.95, 1.0)


@pytest.fixture
def scored(batch: Batch, make_films: MakeFilms) -> Batch:
    make_films(0)
    for number, score in enumerate(SCORES):
        done(batch, number, score=score, decision="positive" if score > 0.5 else "negative")
    film(batch, 50)
    batch.refresh_from_db()
    return batch


def shown(client: Client, batch: Batch, **wanted: str) -> list[float | None]:
    page = client.get(batch.get_absolute_url(), wanted).context["page"]
    assert page.paginator.count == len(page.object_list)
    return [film.score for film in page]


@pytest.mark.parametrize(
    ("number", "scores"), [("0", [0.0, 0.04]), ("1", [0.05]), ("9", [0.49]), ("19", [0.95, 1.0]), ("4", [])]
)
def test_a_bar_shows_its_films(scored: Batch, as_owner: Client, number: str, scores: list[float]) -> None:
    assert shown(as_owner, scored, bar=number) == scores


def test_bars_and_decisions_filter_together(scored: Batch, as_owner: Client) -> None:
    assert shown(as_owner, scored, bar="10", decision="positive") == [0.52]
    assert shown(as_owner, scored, bar="10", decision="negative") == []


def test_the_least_certain_come_first(scored: Batch, as_owner: Client) -> None:
    assert shown(as_owner, scored, sort="uncertainty")[:2] == [0.49, 0.52]
    assert shown(as_owner, scored, sort="uncertainty")[-1] is None


def test_sorting_by_uncertainty_walks_an_index(scored: Batch, as_owner: Client, settings: Any) -> None:
    from screening.batches import queries

    with connection.cursor() as cursor:
        for other in ("seqscan", "bitmapscan", "sort"):  # so few films are sorted faster than an index is walked
            cursor.execute(f"SET LOCAL enable_{other} = off")
        plan = queries.films_of(scored, sort="uncertainty")[:5].explain()
    assert "films_by_uncertainty" in plan
    assert "Sort" not in plan.replace("Sort Key", "")


@pytest.mark.parametrize("number", ["20", "-1", "x"])
def test_a_bar_that_there_is_not_is_refused(scored: Batch, as_owner: Client, number: str) -> None:
    assert as_owner.get(scored.get_absolute_url(), {"bar": number}).status_code == 400


def test_the_page_says_how_long_it_will_take(scored: Batch, as_owner: Client) -> None:
    text = as_owner.get(scored.get_absolute_url()).content.decode()
    assert " left</span>" in text
