"""What probes are answered: for this process, for its database, and for the whole system."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
import requests
from django.db import OperationalError
from django.test import Client

from screening.worker import heartbeats
from tests.conftest import LiveStack

PROBES = ("/livez", "/readyz", "/healthz")
SOUND = {"status": "ok", "database": "ok", "broker": "ok", "workers": "ok", "storage": "ok"}


@pytest.fixture
def broker() -> Iterator[None]:
    heartbeats.broker_client.cache_clear()
    heartbeats.broker_client().delete(heartbeats.WORKERS_KEY)
    yield
    heartbeats.broker_client.cache_clear()
    heartbeats.broker_client().delete(heartbeats.WORKERS_KEY)


@pytest.fixture
def worker(broker: None) -> str:
    heartbeats.send_heartbeat("a worker")
    return "a worker"


def test_a_sound_system_says_so_and_names_its_parts(client: Client, db: None, worker: str) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, SOUND)
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/readyz").json() == {"status": "ok", "database": "ok"}
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_for_any_host_and_only_read(
    path: str, client: Client, db: None, worker: str, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["xray.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    for read in (client.get, client.head):
        assert read(path, headers={"host": "10.1.2.3:8000"}).status_code == 200
    refused = client.post(path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_the_probes_come_before_everything_else(settings: Any) -> None:
    assert settings.MIDDLEWARE[0] == "screening.health.ProbeMiddleware"


def degraded(client: Client, code: str) -> dict[str, str]:
    answer = client.get("/healthz")
    told: dict[str, str] = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (503, "degraded", code)
    assert told["detail"]
    return told


def test_a_database_that_is_away(client: Client, db: None, worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr("screening.health.query_database", refuse)
        assert degraded(client, "database_unavailable")["workers"] == "ok"
        assert client.get("/readyz").json()["code"] == "database_unavailable"
        assert client.get("/livez").status_code == 200


def test_a_broker_that_is_away(client: Client, db: None, broker: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    heartbeats.broker_client.cache_clear()
    assert degraded(client, "broker_unavailable")["broker"] == "unavailable"
    assert client.get("/readyz").status_code == 200
    settings.REDIS_URL = os.environ["REDIS_URL"]


def test_no_worker_and_one_that_is_gone(client: Client, db: None, broker: None) -> None:
    assert degraded(client, "no_worker")["workers"] == "none"
    heartbeats.send_heartbeat("one")
    heartbeats.send_heartbeat("two")
    heartbeats.remove_worker("one")
    assert client.get("/healthz").status_code == 200
    heartbeats.remove_worker("two")
    degraded(client, "no_worker")


def test_a_worker_that_says_nothing_is_gone_and_forgotten(client: Client, db: None, broker: None) -> None:
    now = heartbeats._broker_time()
    heartbeats.broker_client().zadd(
        heartbeats.WORKERS_KEY, {"silent": now - heartbeats.VALID_SECONDS - 1, "long gone": now - 3600}
    )
    degraded(client, "no_worker")
    heartbeats.send_heartbeat("alive")
    assert heartbeats.count_workers() == 1
    assert heartbeats.broker_client().zscore(heartbeats.WORKERS_KEY, "long gone") is None


def test_a_disk_without_room_for_another_film(client: Client, db: None, worker: str, settings: Any) -> None:
    settings.MAX_FILE_BYTES = 2**60
    assert degraded(client, "storage_full")["storage"] == "full"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "screening.storage.s3.S3FilmStorage"}}
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("first", [0, 1], ids=["all of it", "its processes"])
def test_health_follows_the_worker_of_a_running_system(live_stack: LiveStack, first: int) -> None:
    def told(path: str = "/healthz") -> tuple[int, str]:
        answer = requests.get(live_stack.base_url + path, timeout=20)
        return answer.status_code, answer.json().get("code", "")

    until(lambda: told() == (200, ""), "the system is sound")
    entries = {entry.spec.name: entry for entry in live_stack.stack.supervisor._entries}
    worker = psutil.Process(entries["worker"].child.pid)
    frozen = [worker, *worker.children(recursive=True)][first:]
    assert frozen
    for process in frozen:
        process.suspend()
    try:
        until(lambda: told() == (503, "no_worker"), "a frozen worker takes no work")
        assert told("/readyz") == (200, "")
    finally:
        for process in frozen:
            process.resume()
    until(lambda: told() == (200, ""), "the worker is back")
    assert requests.head(f"{live_stack.base_url}/healthz", timeout=20).content == b""


def test_a_frozen_database_is_told_and_leaves_the_process_alive(live_stack: LiveStack) -> None:
    entries = {entry.spec.name: entry for entry in live_stack.stack.supervisor._entries}
    server = psutil.Process(entries["postgres"].child.pid)
    frozen = [server, *server.children(recursive=True)]
    for process in frozen:
        process.suspend()
    try:
        with ThreadPoolExecutor(60) as pool:
            probes = [pool.submit(requests.get, f"{live_stack.base_url}/readyz", timeout=60) for _ in range(60)]
            for _ in range(3):
                assert requests.get(f"{live_stack.base_url}/livez", timeout=5).json() == {"status": "ok"}
            assert {probe.result().status_code for probe in probes} == {503}
    finally:
        for process in frozen:
            process.resume()
    until(lambda: requests.get(f"{live_stack.base_url}/readyz", timeout=20).status_code == 200, "it is back")


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
