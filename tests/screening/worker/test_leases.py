from __future__ import annotations

import errno
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone

from ml import note_codes
from ml.errors import Reason
from screening import tasks
from screening.intake.services import add_file
from screening.models import Batch, Film, Prediction
from screening.worker import leases
from screening.worker.inference import Decoded, Screened, Unscored
from screening.worker.leases import Refusal
from screening.worker.sweep import sweep_films
from tests.screening.factories import PICTURES, film, screened


def decodable() -> Any:
    """Every film's bytes are there and can be decoded."""
    decoded = Decoded(np.zeros((64, 64), np.uint8), PICTURES, 0.01)
    return patch.multiple("screening.worker.chunk", _decode_film=lambda _film: decoded)


def judged() -> Any:
    """The network finds something in every film."""
    return patch(
        "screening.worker.inference.score_films",
        side_effect=lambda films, *_: [screened(0.9, "positive")] * len(films),
    )


pytestmark = pytest.mark.usefixtures("published")

BROKEN = Refusal(Reason("damaged_pixels", "It is damaged."))


def test_a_claim_begins_an_attempt_under_a_lease(running: Batch) -> None:
    (mine,) = leases.claim_films([film(running).pk])
    assert (mine.state, mine.attempts) == ("running", 1)
    assert mine.lease_until is not None
    assert mine.lease_until > timezone.now()


def test_a_message_delivered_twice_does_nothing_the_second_time(running: Batch) -> None:
    waiting = film(running)
    assert len(leases.claim_films([waiting.pk])) == 1
    assert leases.claim_films([waiting.pk]) == []
    waiting.refresh_from_db()
    assert waiting.attempts == 1


def test_films_tried_before_are_claimed_alone(running: Batch) -> None:
    fresh, tried = film(running, 1), film(running, 2, attempts=1)
    assert [one.pk for one in leases.claim_films([fresh.pk, tried.pk])] == [fresh.pk]
    assert [one.pk for one in leases.claim_films([tried.pk])] == [tried.pk]


def test_only_waiting_films_of_open_work_are_claimed(batch: Batch, running: Batch) -> None:
    final = film(running, 1, state=Film.State.CANCELLED)
    other = Batch.objects.create(owner=batch.owner, name="open", model=batch.model)
    stopped = Batch.objects.create(
        owner=batch.owner, name="stopped", model=batch.model, submitted_at=timezone.now(), cancelled_at=timezone.now()
    )
    ids = [final.pk, film(other, 2).pk, film(stopped, 3).pk]
    assert leases.claim_films(ids) == []


def test_recording_stores_prediction_and_final_state(running: Batch) -> None:
    (mine,) = leases.claim_films([film(running).pk])
    assert leases.record_results([(mine, screened(0.93, "positive"))]) == 1
    stored = Film.objects.get()
    assert (stored.state, stored.score, stored.decision) == ("done", 0.93, "positive")
    assert (stored.flags, stored.review_state, stored.lease_until) == (["positive"], "pending", None)
    prediction = Prediction.objects.get()
    assert (prediction.film_id, prediction.model_id, prediction.score) == (mine.pk, running.model_id, 0.93)


def test_a_film_that_the_gate_is_not_sure_of_goes_to_review(running: Batch) -> None:
    (mine,) = leases.claim_films([film(running).pk])
    unsure = replace(screened(0.01, "negative"), notes=(note_codes.GATE_UNSURE,))
    leases.record_results([(mine, unsure)])
    stored = Film.objects.get()
    assert (stored.state, stored.score, stored.notes) == ("done", 0.01, ["gate_unsure"])
    assert (stored.flags, stored.review_state) == (["note"], "pending")


def test_a_worker_back_from_the_dead_overwrites_nothing(running: Batch) -> None:
    waiting = film(running)
    (frozen,) = leases.claim_films([waiting.pk])
    Film.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    sweep_films()
    (current,) = leases.claim_films([waiting.pk])
    assert leases.record_results([(frozen, screened(0.1, "negative"))]) == 0
    assert not Prediction.objects.exists()
    assert leases.record_results([(current, screened(0.9, "positive"))]) == 1
    assert leases.record_results([(frozen, screened(0.1, "negative"))]) == 0
    waiting.refresh_from_db()
    assert (waiting.score, Prediction.objects.get().score) == (0.9, 0.9)


def test_a_broken_film_fails_for_good_beside_neighbours_that_are_done(running: Batch) -> None:
    films = leases.claim_films([film(running, 1).pk, film(running, 2).pk])
    leases.record_results([(films[0], BROKEN), (films[1], screened(0.01, "negative"))])
    broken, whole = Film.objects.order_by("created_at")
    assert (broken.state, broken.code, broken.reason, broken.step) == (
        "failed", "damaged_pixels", "It is damaged.", "worker",
    )  # fmt: skip
    assert (broken.flags, broken.review_state) == (["failed"], "pending")
    assert whole.state == "done"


def test_films_handed_back_wait_again_one_a_message(
    running: Batch, published: Any, django_capture_on_commit_callbacks: Any
) -> None:
    films = leases.claim_films([film(running, 1).pk, film(running, 2).pk])
    with django_capture_on_commit_callbacks(execute=True):
        leases.retry_or_fail(films, BROKEN)
    assert set(Film.objects.values_list("state", "attempts")) == {("queued", 1)}
    assert published.call_args.kwargs == {"queue": "small", "alone": True}
    assert len(published.call_args.args[0]) == 2


def test_the_third_attempt_is_the_last(running: Batch) -> None:
    waiting = film(running, attempts=2)
    leases.retry_or_fail(leases.claim_films([waiting.pk]), Refusal(Reason("worker_error", "It failed three times.")))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.code) == ("failed", 3, "worker_error")


def test_what_is_no_fault_of_the_film_does_not_count_as_an_attempt(running: Batch, published: Any) -> None:
    waiting = film(running)
    full = OSError(errno.ENOSPC, "No space left on device")
    with decodable(), judged(), patch.object(leases, "store_pictures", side_effect=full):
        for _ in range(4):
            tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    assert not published.called  # the sweep does, later
    with decodable(), judged():
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert waiting.state == "done"


def test_bytes_that_are_gone_are_tried_three_times(running: Batch) -> None:
    waiting = film(running)
    for _ in range(4):
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.code) == ("failed", 3, "worker_error")


def test_a_second_attempt_replaces_the_pictures_of_the_first(running: Batch) -> None:
    (mine,) = leases.claim_films([film(running).pk])
    leases.store_pictures(mine, PICTURES)
    leases.store_pictures(mine, PICTURES)
    folder = default_storage.listdir(mine.storage_name("").rstrip("/"))
    assert sorted(folder[1]) == ["display.jpg", "thumb.jpg"]


def test_the_task_screens_real_films_and_names_what_it_cannot(running: Batch, png: bytes, jpeg: bytes) -> None:
    Batch.objects.update(submitted_at=None)
    open_batch = Batch.objects.get()
    good, _ = add_file(batch=open_batch, name="a.png", data=png)
    cut, _ = add_file(batch=open_batch, name="b.jpg", data=jpeg[: len(jpeg) // 2])
    Batch.objects.update(submitted_at=Now())
    tasks.screen_chunk([str(good.pk), str(cut.pk)])
    good.refresh_from_db()
    cut.refresh_from_db()
    assert good.state == "done"
    assert good.score is not None
    assert (cut.state, cut.code) == ("failed", "damaged_pixels")
    for part in ("display.jpg", "thumb.jpg"):
        assert default_storage.exists(good.storage_name(part))


def test_an_error_nobody_foresaw_hands_the_chunk_back(running: Batch) -> None:
    waiting = film(running)  # its bytes are nowhere
    tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == ("queued", 1)


def test_a_worker_with_other_weights_hands_the_film_back(running: Batch) -> None:
    running.model.digest = "0" * 64
    running.model.save()
    waiting = film(running)
    with decodable():
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert waiting.state == "queued"


def test_a_chunk_costs_a_constant_number_of_queries(running: Batch, django_assert_num_queries: Any) -> None:
    ids = [film(running, number).pk for number in range(16)]
    with django_assert_num_queries(2):  # the claim, and the batches with their models
        films = leases.claim_films(ids)
    with django_assert_num_queries(1):
        leases.record_results([(one, screened(0.5, "uncertain")) for one in films])


def refused(films: list[Any], model: str, digest: str) -> list[Any]:
    return [Unscored(Reason("lateral_view", "Not scored: it is lateral."), PICTURES) for _ in films]


def test_what_the_gate_refuses_is_rejected_with_its_reason_and_keeps_its_pictures(running: Batch) -> None:
    waiting = film(running)
    with decodable(), patch("screening.worker.inference.score_films", refused):
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.code, waiting.step) == ("rejected", "lateral_view", "gate")
    assert (waiting.score, waiting.flags, waiting.pictured) == (None, [], True)
    assert default_storage.exists(waiting.storage_name("thumb.jpg"))
    assert not Prediction.objects.exists()


def test_a_film_unlike_the_training_is_scored_and_goes_to_review(running: Batch) -> None:
    waiting = film(running)
    result = Screened(0.1, "negative", 0.1, PICTURES, notes=(note_codes.UNLIKE_TRAINING,))
    with (
        decodable(),
        patch("screening.worker.inference.score_films", return_value=[result]),
    ):
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.decision, waiting.score) == ("done", "negative", 0.1)
    assert (waiting.flags, waiting.review_state) == (["note"], "pending")
    assert waiting.notes == ["unlike_training"]


def test_a_map_and_notes_are_kept_with_the_score(running: Batch) -> None:
    waiting = film(running)
    result = Screened(0.9, "positive", 0.1, PICTURES, overlay=b"map", notes=(note_codes.INVERTED,))
    with (
        decodable(),
        patch("screening.worker.inference.score_films", return_value=[result]),
    ):
        tasks.screen_chunk([str(waiting.pk)])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.mapped, waiting.notes) == ("done", True, [note_codes.INVERTED.code])
    with default_storage.open(waiting.storage_name("map.png")) as file:
        assert file.read() == b"map"
