from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from screening import publishing
from screening.config.broker import JitteredConnection
from screening.config.celery import app
from screening.config.clock import SteadyScheduler
from screening.config.cores import count_cores
from screening.config.limits import time_limits
from screening.worker import liveness
from screening.worker.liveness import IDLE_SECONDS, ConsumerHeartbeat


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_is_deaf_when_messages_wait_and_it_takes_none() -> None:
    clock = Clock()
    heartbeat = ConsumerHeartbeat(max_wait=60, clock=clock)
    clock.now += 59
    assert not heartbeat.is_stalled(waiting=5)
    clock.now += 2
    assert heartbeat.is_stalled(waiting=5)


def test_taking_a_message_or_having_none_to_take_is_alive() -> None:
    clock = Clock()
    heartbeat = ConsumerHeartbeat(max_wait=60, clock=clock)
    clock.now += 50
    heartbeat.message_received()
    clock.now += 50
    assert not heartbeat.is_stalled(waiting=5)
    clock.now += 5
    assert not heartbeat.is_stalled(waiting=0)
    clock.now += 59
    assert not heartbeat.is_stalled(waiting=5)
    clock.now += 2
    assert heartbeat.is_stalled(waiting=5)


def test_a_worker_is_idle_when_messages_wait_while_it_has_nothing_in_hand() -> None:
    clock = Clock()
    heartbeat = ConsumerHeartbeat(max_wait=60, clock=clock)
    for waiting, active in ((0, 0), (0, 2), (5, 2)):
        clock.now += 30
        assert not heartbeat.is_idle(waiting, active)
    clock.now += IDLE_SECONDS
    assert not heartbeat.is_idle(waiting=5, active=0)
    clock.now += 1
    assert heartbeat.is_idle(waiting=5, active=0)
    heartbeat.message_received()
    assert not heartbeat.is_idle(waiting=5, active=0)


def test_a_full_disk_does_not_end_the_watch(tmp_path: Path) -> None:
    liveness._touch_file(tmp_path / "absent" / "alive")
    liveness._touch_file(tmp_path / "alive")
    assert (tmp_path / "alive").exists()


def test_patience_is_longer_than_a_chunk_may_take() -> None:
    times = time_limits(30)
    assert times.soft < times.hard < times.lease < times.visibility


def test_waits_for_a_broker_that_is_away_differ_and_grow() -> None:
    starts, steps = set(), set()
    with patch("kombu.Connection.ensure_connection") as asked:
        for _ in range(10):
            connection = app.connection_for_read()
            assert isinstance(connection, JitteredConnection)
            connection.ensure_connection()
            starts.add(asked.call_args.kwargs["interval_start"])
            steps.add(asked.call_args.kwargs["interval_step"])
    assert len(starts) == len(steps) == 10
    assert min(steps) > 0


def test_a_worker_never_gives_its_broker_up() -> None:
    assert app.conf.broker_connection_max_retries is None
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
    assert (app.conf.worker_prefetch_multiplier, app.conf.task_ignore_result) == (1, True)


def test_the_sweep_goes_on_when_the_clock_is_set_back(tmp_path: Path) -> None:
    beat = SteadyScheduler(app, schedule_filename=str(tmp_path / "beat"))
    with patch.object(beat, "apply_entry") as sent:
        beat.schedule["sweep"].last_run_at = app.now()
        beat.tick()
        assert not sent.called
        beat.schedule["sweep"].last_run_at = app.now() + timedelta(hours=1)
        beat.tick()
        assert sent.call_count == 1
        beat.tick()
        assert sent.call_count == 1
    beat.close()


def test_what_waits_in_the_broker_is_counted() -> None:
    before = publishing.count_waiting_messages()
    app.send_task("nobody.takes.this", queue="bulk")
    try:
        assert publishing.count_waiting_messages() == before + 1
    finally:
        publishing._broker_client().delete("bulk")


def test_a_broker_that_is_away_has_no_backlog(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    publishing._broker_client.cache_clear()
    try:
        assert publishing.count_waiting_messages() == 0
    finally:
        publishing._broker_client.cache_clear()


@pytest.mark.parametrize(("quota", "most"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", 10**6)])
def test_a_containers_quota_bounds_the_cores(tmp_path: Path, quota: str, most: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert 1 <= count_cores(file) <= most
    assert count_cores(file) <= count_cores(tmp_path / "absent")
