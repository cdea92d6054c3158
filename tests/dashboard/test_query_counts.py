"""The number of queries of each list, which is the same with ten films as with ten thousand."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from screening.models import ModelVersion
from tests.benchmarks.lists import Site, finished

FEW, MANY = 10, 10_000
# What is far into a list is found by its keys first, see screening.batches.pagination.
ONE_MORE = {"batch, the last page", "batch, the last page by score", "batch, a page in the middle"}


def queries(site: Site) -> dict[str, int]:
    """How many queries each page takes."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself, in a while
    taken = {}
    for name, address in site.pages().items():
        if address.endswith("/missing"):  # takes what is asked for, not films
            continue
        with CaptureQueriesContext(connection) as captured:
            answer = site.client.get(address)
            assert answer.status_code == 200, address
            assert answer.getvalue()
        taken[name] = len(captured)
    return taken


def test_no_page_asks_more_often_for_more_films(model_version: ModelVersion) -> None:
    few = queries(finished(FEW, "few"))
    many = queries(finished(MANY, "many"))
    # Fewer is right where a long list leaves something out, such as a film's place in it.
    more = {name: (few[name], many[name]) for name in few if many[name] > few[name] + (name in ONE_MORE)}
    assert more == {}
    assert max(many.values()) <= 20, many
