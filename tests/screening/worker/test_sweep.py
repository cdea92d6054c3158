from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from ml.errors import Reason
from screening.batches import services as batches
from screening.config.limits import time_limits
from screening.models import Batch, Film
from screening.worker import leases
from screening.worker.leases import Refusal
from screening.worker.sweep import sweep_films
from tests.screening.factories import film

pytestmark = pytest.mark.usefixtures("published", "backlog")

BROKEN = Refusal(Reason("damaged_pixels", "It is damaged."))


def test_the_sweep_takes_back_what_a_dead_worker_held(running: Batch) -> None:
    held, fresh = film(running, 1), film(running, 2)
    leases.claim_films([held.pk, fresh.pk])
    Film.objects.filter(pk=held.pk).update(lease_until=timezone.now() - timedelta(minutes=5))
    assert sweep_films()["lost"] == 1
    held.refresh_from_db()
    fresh.refresh_from_db()
    assert (held.state, fresh.state) == ("queued", "running")


def test_a_lease_from_before_the_clock_was_set_back_is_over(running: Batch) -> None:
    (held, fresh) = leases.claim_films([film(running, 1).pk, film(running, 2).pk])
    Film.objects.filter(pk=held.pk).update(lease_until=timezone.now() + timedelta(hours=1))
    assert sweep_films()["lost"] == 1
    held.refresh_from_db()
    fresh.refresh_from_db()
    assert (held.state, fresh.state) == ("queued", "running")


def test_what_was_published_before_the_clock_was_set_back_is_published_again(running: Batch) -> None:
    film(running, 1, published_at=timezone.now() + timedelta(hours=1))
    assert sweep_films()["stale"] == 1
    film(running, 2)
    Batch.objects.update(submitted_at=timezone.now() + timedelta(hours=1))
    assert sweep_films()["stale"] == 1


def test_a_film_that_kills_its_worker_three_times_ends_failed(running: Batch) -> None:
    killer = film(running)
    for _ in range(3):
        leases.claim_films([killer.pk])
        Film.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
        sweep_films()
    killer.refresh_from_db()
    assert (killer.state, killer.code, killer.step) == ("failed", "worker_lost", "sweep")


def test_the_sweep_publishes_again_what_the_broker_lost(running: Batch, published: Any) -> None:
    Batch.objects.update(submitted_at=timezone.now() - timedelta(hours=1))
    lost = film(running, 1, published_at=timezone.now() - timedelta(hours=1))
    tried = film(running, 2, published_at=None, attempts=1)
    film(running, 3, published_at=timezone.now())
    assert sweep_films()["stale"] == 2
    sent = {call.kwargs.get("alone", False): list(call.args[0]) for call in published.call_args_list}
    assert sent == {False: [lost.pk], True: [tried.pk]}


def test_while_messages_wait_the_sweep_is_patient(running: Batch, published: Any, backlog: Any) -> None:
    Batch.objects.update(submitted_at=timezone.now() - timedelta(hours=1))
    limit = time_limits(settings.CHUNK_SECONDS)
    film(running, 1, published_at=timezone.now() - timedelta(seconds=limit.lease + 5))
    backlog.return_value = 3
    assert sweep_films()["stale"] == 0
    backlog.return_value = 0
    assert sweep_films()["stale"] == 1
    film(running, 2, published_at=timezone.now() - timedelta(seconds=limit.visibility + 5))
    backlog.return_value = 3
    assert sweep_films()["stale"] >= 1


def test_the_sweep_leaves_batches_that_are_not_submitted(batch: Batch, published: Any) -> None:
    film(batch, published_at=None)
    assert sweep_films()["stale"] == 0


def test_the_sweep_ends_what_waits_in_a_cancelled_batch(running: Batch) -> None:
    films = leases.claim_films([film(running).pk])
    batches.cancel_batch(batch=running)
    leases.retry_or_fail(films, BROKEN)
    assert sweep_films()["cancelled"] == 1
    assert Film.objects.get().state == "cancelled"
