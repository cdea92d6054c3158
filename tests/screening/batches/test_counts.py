"""The counts that triggers keep are those of the films, whoever changes them and however often."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from screening.batches import counts_compaction, queries
from screening.batches.progress import HISTOGRAM_BINS, histogram_of, progress_of
from screening.models import Batch, Film, FilmCount
from tests.screening.factories import done, film


def recounted(batch: Batch) -> tuple[dict[str, int], list[int]]:
    """States and histogram, from the films themselves."""
    films = list(batch.films.values_list("state", "score"))
    bins = Counter(min(int(score * HISTOGRAM_BINS), 19) for _, score in films if score is not None)
    return dict(Counter(state for state, _ in films)), [bins[index] for index in range(HISTOGRAM_BINS)]


def told(batch: Batch) -> tuple[dict[str, int], list[int]]:
    states = progress_of(batch).states
    return {state: films for state, films in states.items() if films}, histogram_of(batch)


def test_every_way_to_change_films_is_counted(batch: Batch) -> None:
    Film.objects.bulk_create([done_film(batch, number, number / 10) for number in range(11)])
    assert told(batch) == recounted(batch)
    Film.objects.filter(batch=batch, score__lt=0.4).update(state="queued", score=None, decision="", finished_at=None)
    assert told(batch) == recounted(batch)
    Film.objects.filter(batch=batch, score__gt=0.8).delete()
    one = film(batch, 50)
    one.state, one.code, one.reason = "failed", "damaged_pixels", "It is damaged."
    one.save()
    assert told(batch) == recounted(batch)
    assert progress_of(batch).total == batch.films.count()


def done_film(batch: Batch, number: int, score: float) -> Film:
    return Film(
        batch=batch, original_name=f"{number}.png", sha256=f"{number:064x}", bytes=1, state="done", score=score,
        decision="positive", finished_at=timezone.now(),
    )  # fmt: skip


def test_putting_the_parts_together_changes_no_count(batch: Batch) -> None:
    for number in range(counts_compaction.MAX_PARTS + 1):
        done(batch, number, score=number / 200)
    Film.objects.filter(batch=batch, score__lt=0.1).update(review_state="pending")
    before, parts = told(batch), FilmCount.objects.count()
    assert counts_compaction.merge_counts() == 1
    assert told(batch) == before == recounted(batch)
    assert FilmCount.objects.count() < parts / 2
    assert FilmCount.objects.filter(films__lte=0).count() == 0
    assert counts_compaction.merge_counts() == 0


def test_a_change_that_moves_no_film_between_groups_adds_no_part(batch: Batch) -> None:
    one = film(batch, 1)
    parts = FilmCount.objects.count()
    Film.objects.filter(pk=one.pk).update(attempts=2, reason="another")
    assert FilmCount.objects.count() == parts


@pytest.mark.django_db(transaction=True)
def test_counts_stay_right_while_many_write_and_one_merges(batch: Batch, settings: Any) -> None:
    films = [film(batch, number) for number in range(60)]

    def work(number: int) -> None:
        try:
            if number % 5 == 0:
                counts_compaction.merge_counts()
            Film.objects.filter(pk=films[number].pk).update(state="running", lease_until=timezone.now())
            Film.objects.filter(pk=films[number].pk).update(state="cancelled", lease_until=None, code="c", reason="r")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(60)))
    counts_compaction.merge_counts()
    assert told(batch) == recounted(batch) == ({"cancelled": 60}, [0] * 20)


def test_the_list_of_batches_takes_the_same_few_queries_however_many_films(
    batch: Batch, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        done(batch, number)
    with django_assert_num_queries(1):
        (mine,) = queries.batches_for(batch.owner)
    assert (mine.total, mine.finished, mine.positive, mine.refused) == (30, 30, 30, 0)  # type: ignore[attr-defined]
