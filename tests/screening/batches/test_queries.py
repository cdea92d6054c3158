from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from screening.batches import queries
from screening.batches.progress import histogram_of, progress_of
from screening.errors import NotFoundError, ScreeningError
from screening.model_versions import default_model, model_by_name
from screening.models import Batch, Film
from screening.reading.queries import review_queue
from tests.screening.factories import done, film


def test_owner_and_staff_see_a_batch_and_its_films_nobody_else(
    batch: Batch, owner: User, colleague: User, stranger: User
) -> None:
    one = film(batch)
    for user in (owner, colleague):
        assert queries.batch_for(user, batch.pk) == batch
        assert queries.film_for(user, one.pk) == one
    for nobody in (stranger, AnonymousUser()):
        with pytest.raises(NotFoundError):
            queries.batch_for(nobody, batch.pk)
        with pytest.raises(NotFoundError):
            queries.film_for(nobody, one.pk)


def test_my_batches_are_mine_with_counts(batch: Batch, owner: User, colleague: User) -> None:
    done(batch, 1, review_state="pending")
    film(batch, 2)
    film(batch, 3, state="rejected", code="empty_file")
    (mine,) = queries.batches_for(owner)
    counts: Any = mine
    assert (counts.total, counts.finished, counts.refused, counts.positive, counts.to_review) == (3, 2, 1, 1, 1)
    assert not queries.batches_for(colleague).exists()


def test_counts_add_up_to_what_was_sent(batch: Batch) -> None:
    for number, state in enumerate(Film.State.values):
        extras: dict[str, dict[str, Any]] = {
            "done": {"score": 0.2, "decision": "negative"},
            "running": {"lease_until": timezone.now()},
            "rejected": {"code": "empty_file"},
            "failed": {"code": "damaged_pixels", "review_state": "pending"},
        }
        film(batch, number, state=state, **extras.get(state, {}))
    progress = progress_of(batch)
    assert progress.total == sum(progress.states.values()) == len(Film.State)
    assert set(progress.states.values()) == {1}
    assert (progress.finished, progress.percent) == (5, 71)
    assert progress.decisions == {"negative": 1, "uncertain": 0, "positive": 0}
    assert progress.to_review == 1


def test_progress_is_one_query(batch: Batch, django_assert_num_queries: Any) -> None:
    for number in range(20):
        done(batch, number)
    with django_assert_num_queries(1):
        progress_of(batch)


@pytest.mark.parametrize(
    ("submitted", "cancelled", "states", "expected"),
    [
        (False, False, ["queued"], "open"),
        (True, False, ["queued", "done"], "running"),
        (True, False, ["running"], "running"),
        (True, False, ["done", "cancelled"], "done"),
        (True, True, ["running", "cancelled"], "running"),
        (True, True, ["done", "cancelled"], "cancelled"),
        (False, True, ["cancelled"], "cancelled"),
    ],
)
def test_a_batch_state_follows_from_its_films(
    batch: Batch, submitted: bool, cancelled: bool, states: list[str], expected: str
) -> None:
    now = timezone.now()
    batch.submitted_at = now if submitted else None
    batch.cancelled_at = now if cancelled else None
    for number, state in enumerate(states):
        extras: dict[str, dict[str, Any]] = {"running": {"lease_until": now}, "done": {"score": 0.1}}
        film(batch, number, state=state, **extras.get(state, {}))
    assert progress_of(batch).state == expected


def test_time_runs_from_submission_to_the_last_result(batch: Batch) -> None:
    batch.submitted_at = timezone.now() - timedelta(seconds=100)
    for number in range(4):
        done(batch, number, finished_at=batch.submitted_at + timedelta(seconds=number))
    progress = progress_of(batch)
    assert progress.seconds == pytest.approx(3)
    assert progress.films_per_second == pytest.approx(4 / 3)


def test_the_histogram_counts_every_score_once_with_both_ends(batch: Batch) -> None:
    for number, score in enumerate([0.0, 0.049, 0.05, 0.5, 1.0]):
        done(batch, number, score=score)
    bins = histogram_of(batch)
    assert len(bins) == 20
    assert sum(bins) == 5
    assert (bins[0], bins[1], bins[10], bins[19]) == (2, 1, 1, 1)


def test_films_filter_and_sort(batch: Batch) -> None:
    low, high, waiting = done(batch, 1, score=0.1, decision="negative"), done(batch, 2, score=0.9), film(batch, 3)
    assert list(queries.films_of(batch)) == [low, high, waiting]
    assert list(queries.films_of(batch, sort="score")) == [high, low, waiting]
    assert list(queries.films_of(batch, state="done", decision="negative")) == [low]
    for wrong in ({"state": "x"}, {"decision": "x"}, {"sort": "x"}):
        with pytest.raises(ScreeningError, match="filter_unknown"):
            queries.films_of(batch, **wrong)


def test_neighbours_keep_the_order_in_which_films_were_sent(batch: Batch) -> None:
    films = [film(batch, number) for number in range(3)]
    assert queries.neighbours_of(films[0]) == (None, films[1])
    assert queries.neighbours_of(films[1]) == (films[0], films[2])
    assert queries.neighbours_of(films[2]) == (films[1], None)


def test_the_review_queue_holds_what_nobody_has_judged_oldest_first(batch: Batch) -> None:
    first, second = (done(batch, number, review_state="pending") for number in (1, 2))
    done(batch, 3, review_state="confirmed")
    assert list(review_queue()) == [first, second]


def test_models_are_found_by_name(batch: Batch) -> None:
    assert model_by_name(batch.model.name) == batch.model == default_model()
    assert model_by_name("seed-cnn") != batch.model
    with pytest.raises(ScreeningError, match="there are: screener, seed-cnn"):
        model_by_name("other")
