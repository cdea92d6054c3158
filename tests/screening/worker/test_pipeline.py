"""The whole way of a film through real servers, a real web process and a real worker."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import psutil
import psycopg2
import pytest
import redis
from django.conf import settings as project
from PIL import Image

from ml.phantom.film import PhantomSpec, chest, png_bytes
from tests.conftest import LiveStack
from xrayscreen import Client, ClientError, Upload

RECORDING = "%json_to_recordset%"  # in the last statement of a message
PATIENCE = 120  # seconds; how long a test waits, not how fast the system must be


@pytest.fixture(scope="module")
def client(live_stack: LiveStack) -> Client:
    return Client(live_stack.base_url, live_stack.token("pipeline"))


@pytest.fixture(scope="module")
def phantoms() -> list[Upload]:
    return [
        Upload(f"{seed:02}.png", png_bytes(PhantomSpec(height=300, width=300, seed=seed, opacities=seed % 3)))
        for seed in range(24)
    ]


def wait(client: Client, batch: str) -> dict[str, Any]:
    return client.wait(batch, lambda _status: None, PATIENCE)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def send(client: Client, uploads: list[Upload], name: str = "batch") -> str:
    batch = client.create_batch(name)
    client.add_all(batch, uploads, lambda _film: None)
    client.submit(batch)
    return batch


def worker_processes(live_stack: LiveStack) -> list[psutil.Process]:
    """The worker's parent first, then its children."""
    database = str(live_stack.stack.endpoints.database_url)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        try:
            mine = process.environ().get("DATABASE_URL") == database
        except psutil.Error:
            continue
        if mine and "worker" in line and any("celery" in part for part in line):
            found.append(process)
    parents = [process for process in found if process.ppid() not in {other.pid for other in found}]
    return [*parents, *(process for process in found if process not in parents)]


def test_every_file_ends_in_one_state_with_a_score_or_a_reason(client: Client, png: bytes, jpeg: bytes,
                                                               dicom: bytes) -> None:  # fmt: skip
    uploads = [
        Upload("a.png", png),
        Upload("b.jpg", jpeg),
        Upload("c", dicom),
        Upload("cut.png", png[: len(png) // 2]),
        Upload("not-a-film.txt", b"hello"),
        Upload("again.png", png),
    ]
    batch = client.create_batch("one of each")
    client.add_all(batch, uploads[:-1], lambda _film: None)
    client.add(batch, uploads[-1])  # after its twin: four are sent at once, in no certain order
    client.submit(batch)
    progress = wait(client, batch)["progress"]
    films = {film["file"]: film for film in client.films(batch)}
    assert {name: film["state"] for name, film in films.items()} == {
        "a.png": "done", "b.jpg": "done", "c": "done",
        "cut.png": "failed", "not-a-film.txt": "rejected", "again.png": "rejected",
    }  # fmt: skip
    for film in films.values():
        assert (film["score"] is not None) == (film["state"] == "done")
        assert bool(film["code"]) == (film["state"] != "done")
    assert progress["total"] == len(uploads) == sum(progress["states"].values())
    rows = list(csv.DictReader(io.StringIO(b"".join(client.csv(batch)).decode())))
    assert len(rows) == len(uploads)


def test_the_worker_says_what_the_command_line_says(client: Client, phantoms: list[Upload], tmp_path: Any) -> None:
    from ml.inference.bundle import find_bundle
    from ml.predict import predict

    batch = send(client, phantoms[:8])
    wait(client, batch)
    for upload in phantoms[:8]:
        (tmp_path / upload.name).write_bytes(upload.data())
    paths = sorted(tmp_path.iterdir())
    expected = {
        path.name: answer
        for path, answer in zip(paths, predict(paths, find_bundle(project.DEFAULT_MODEL)), strict=True)
    }
    for film in client.films(batch):
        assert film["score"] == pytest.approx(expected[film["file"]]["score"], abs=1e-5)
        assert film["decision"] == expected[film["file"]]["decision"]


def test_a_killed_child_costs_no_film(client: Client, live_stack: LiveStack, phantoms: list[Upload]) -> None:
    batch = send(client, phantoms, "killed child")
    until(lambda: client.status(batch)["progress"]["finished"] > 0)
    for child in worker_processes(live_stack)[1:]:
        child.kill()
    assert wait(client, batch)["progress"]["states"]["done"] == len(phantoms)


def test_a_killed_worker_is_restarted_and_costs_no_film(
    client: Client, live_stack: LiveStack, phantoms: list[Upload]
) -> None:
    batch = send(client, phantoms, "killed worker")
    for process in worker_processes(live_stack):
        process.kill()
    assert wait(client, batch)["progress"]["states"]["done"] == len(phantoms)


def test_a_broker_that_forgets_everything_costs_no_film(
    client: Client, live_stack: LiveStack, phantoms: list[Upload]
) -> None:
    broker = redis.Redis.from_url(live_stack.stack.endpoints.redis_url)
    batch = send(client, phantoms, "forgotten")
    broker.flushall()
    assert wait(client, batch)["progress"]["states"]["done"] == len(phantoms)


def enlarged(times: int) -> bytes:
    """A phantom of a megapixel, each pixel many times: what the largest scanners send."""
    film = chest(PhantomSpec(height=1000, width=1000, seed=77)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(film.repeat(times, axis=0).repeat(times, axis=1)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def test_a_film_of_100_megapixels_is_screened_beside_its_neighbours(client: Client, phantoms: list[Upload]) -> None:
    batch = send(client, [*phantoms[:6], Upload("huge.png", enlarged(10)), *phantoms[6:12]], "huge")
    assert wait(client, batch)["progress"]["states"]["done"] == 13
    assert {film["attempts"] for film in client.films(batch)} == {1}


def test_a_worker_keeps_its_connection_to_the_database(
    client: Client, live_stack: LiveStack, phantoms: list[Upload]
) -> None:
    """A new one for each message cost more than the statements it was for."""

    def kept() -> set[int]:
        wait(client, send(client, phantoms[:8], "connection"))
        time.sleep(0.5)  # the message ends a moment after its last result
        url = live_stack.stack.endpoints.database_url
        with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND state = 'idle'", [RECORDING])
            return {pid for (pid,) in cursor.fetchall()}

    # A sweep may have been the last to speak on it, but not each time.
    assert any(kept() for _ in range(3))


def test_a_small_batch_overtakes_a_large_one(client: Client, phantoms: list[Upload]) -> None:
    """Its films lie in a queue that is looked into first."""
    many = [Upload(f"{copy}-{one.name}", one.data() + bytes([copy])) for copy in range(16) for one in phantoms]
    large = send(client, many, "large")
    small = send(client, phantoms[:3], "small")
    assert wait(client, small)["progress"]["states"]["done"] == 3
    assert wait(client, large)["progress"]["states"]["done"] == len(many)
    last_small, last_large = (max(film["finished_at"] for film in client.films(sent)) for sent in (small, large))
    assert last_small < last_large


def test_a_cancelled_batch_comes_to_an_end(client: Client, phantoms: list[Upload]) -> None:
    batch = client.create_batch("cancelled")
    client.add_all(batch, phantoms, lambda _film: None)
    client.submit(batch)
    client.cancel(batch)
    states = wait(client, batch)["progress"]["states"]
    assert states["done"] + states["cancelled"] == len(phantoms)


def test_the_client_says_why_it_was_refused(client: Client, live_stack: LiveStack) -> None:
    with pytest.raises(ClientError, match="batch_empty"):
        client.submit(client.create_batch("empty"))
    with pytest.raises(ClientError, match="token_invalid"):
        Client(live_stack.base_url, "xray_wrong").create_batch("x")
