"""Valkey dies, forgets, freezes or hands messages out more than once. Messages are hints; the rows are the queue."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest
import redis
import requests
from celery import Celery

from tests.chaos.conftest import Round
from tests.chaos.films import films
from tests.chaos.processes import frozen, kill, until
from tests.chaos.system import System

QUEUES = ("small", "bulk")


def kill_broker(system: System, *, forget: bool = False) -> None:
    """SIGKILL; the supervisor starts another. With ``forget`` that one starts empty."""
    pid = system.pid("valkey")
    if forget:  # the server goes on writing to files that have no name any more
        shutil.rmtree(system.stack.instance / "valkey" / "appendonlydir")
    kill([psutil.Process(pid)])
    system.await_restart("valkey", pid)
    until(system.broker_answers, "Valkey answers again")


def test_a_broker_that_forgets_freezes_and_dies_costs_no_film(system: System, chaos: Round) -> None:
    batch = system.submit(chaos.pick(24, 60))
    system.lose_messages()
    with frozen(system.processes("valkey")):
        time.sleep(chaos.pick(5, 30))  # the length of the freeze is the fault
    kill_broker(system)
    kill_broker(system, forget=True)
    system.settle()
    assert set(system.states(batch)) == {"done"}


@pytest.mark.full_round
@pytest.mark.parametrize("forget", [False, True])
def test_a_batch_submitted_without_a_broker_is_screened(system: System, forget: bool) -> None:
    batch = system.client.create_batch("no broker")
    system.client.add_all(batch, films(24), lambda _film: None)
    with frozen(system.processes("valkey")), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(system.client.submit, batch)
        until(lambda: system.sql("SELECT 1 FROM screening_batch WHERE id = %s AND submitted_at IS NOT NULL", batch),
              "the submission is in the database")  # fmt: skip
        kill_broker(system, forget=forget)
        assert answer.result()["state"] in {"running", "done"}
    system.settle()
    assert set(system.states(batch)) == {"done"}


@pytest.mark.full_round
def test_a_frozen_broker_does_not_hold_up_the_web_process(system: System) -> None:
    batch = system.client.create_batch("frozen broker")
    system.client.add_all(batch, films(8), lambda _film: None)
    with frozen(system.processes("valkey")):
        # The broker stays frozen until the answer is there: a web process that waits for it never gives one.
        answer = requests.post(
            f"{system.stack.base_url}/api/v1/batches/{batch}/submit", auth=system.client.auth, timeout=45
        )
    assert answer.json()["state"] in {"running", "done"}
    system.settle()
    assert set(system.states(batch)) == {"done"}


@pytest.mark.full_round
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_worker_consumes_again_after_every_reconnect(system: System, chaos: Round, busy: bool) -> None:
    """Some versions of Celery stay up and consume nothing after the broker was away."""
    for fault in (kill_broker, cut_clients, stop_broker, kill_broker, cut_clients):
        batch = system.submit(24) if busy else None
        time.sleep(chaos.rng.uniform(0, 0.5))  # any moment
        fault(system)
        if batch is None:
            batch = system.submit(16)
        # Only this worker takes sweeps: when it consumes nothing, nothing ever comes to an end.
        system.settle(patience=90)
        assert set(system.states(batch)) == {"done"}, fault.__name__
    assert consumes(system)


def cut_clients(system: System) -> None:
    """End every connection to the broker."""
    with closing(system.broker()) as broker:
        broker.client_kill_filter(_type="normal", skipme=True)


def stop_broker(system: System) -> None:
    """An orderly end, which tells the clients."""
    pid = system.pid("valkey")
    psutil.Process(pid).terminate()
    system.await_restart("valkey", pid)
    until(system.broker_answers, "Valkey answers again")


def consumes(system: System) -> bool:
    """Whether the worker empties the queues."""
    with closing(system.broker()) as broker:
        return until(lambda: not any(broker.llen(queue) for queue in QUEUES), "the queues are empty")


def test_messages_that_come_twice_and_far_too_late_change_nothing(system: System, chaos: Round) -> None:
    with closing(system.broker()) as broker:
        with system.unconsumed():
            batch = system.submit(chaos.pick(24, 120))
            messages = [(queue, body) for queue in QUEUES for body in broker.lrange(queue, 0, -1)]
            assert sum("screen_chunk" in str(body) for _, body in messages), "no message lies in the queues"
            deliver(broker, messages)
        system.settle()
        assert set(system.outcome(batch).values()) == {("done", "", 1)}
        predictions = "SELECT film_id::text, score, created_at FROM screening_prediction ORDER BY film_id"
        before = system.sql(predictions)
        deliver(broker, messages * 2)
        assert consumes(system)
    system.check_invariants("--settled")
    assert system.sql(predictions) == before
    assert set(system.outcome(batch).values()) == {("done", "", 1)}


def deliver(broker: redis.Redis, messages: list[tuple[str, bytes | str]]) -> None:
    """Put copies of messages into the queues, each under a tag of its own as a broker would give it."""
    for queue, body in messages:
        message = json.loads(body)
        message["properties"]["delivery_tag"] = str(uuid.uuid4())
        message["headers"].pop("expires", None)
        broker.lpush(queue, json.dumps(message))


@pytest.mark.full_round
def test_a_worker_that_takes_nothing_ends_itself_and_is_started_again(system: System) -> None:
    """Up, connected and consuming nothing: what the defect above would look like, brought about by remote control."""
    pid = system.pid("worker")
    with Celery(broker=system.stack.endpoints.redis_url) as remote:
        for queue in QUEUES:
            remote.control.cancel_consumer(queue, reply=True, timeout=5)
    batch = system.submit(8)
    system.await_restart("worker", pid)
    system.settle()
    assert set(system.states(batch)) == {"done"}
