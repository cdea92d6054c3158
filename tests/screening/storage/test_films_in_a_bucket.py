"""The whole way of a film whose bytes are in a bucket on a real server: sent, screened, seen, checked."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from screening.config import storages
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts
from screening.models import Batch, Film
from screening.storage import local as storage
from screening.worker import chunk, leases
from tests.screening.storage.bucket import Bucket, SeaweedFS, s3, s3_server, seaweed

__all__ = ["s3", "s3_server", "seaweed"]

pytestmark = pytest.mark.usefixtures("published", "backlog")

PARTS = {"film-display": b"\xff\xd8\xff", "film-thumb": b"\xff\xd8\xff"}


def send(api: APIClient, batch: Batch, name: str, data: bytes) -> Any:
    return api.post(f"/api/v1/batches/{batch.pk}/files", {"file": SimpleUploadedFile(name, data)})


def screen(batch: Batch) -> None:
    """What a worker does with the batch's message."""
    ids = list(batch.films.filter(state="queued").values_list("pk", flat=True))
    chunk.process_films([film for pk in ids for film in leases.claim_films([pk])])


def states(batch: Batch) -> list[tuple[str, int]]:
    return list(batch.films.order_by("original_name").values_list("state", "attempts"))


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_films_go_into_the_bucket_and_their_pictures_come_out(
    s3: Bucket, api: APIClient, batch: Batch, browser: Client, png: bytes, dicom: bytes, settings: Any
) -> None:
    assert [send(api, batch, name, data).status_code for name, data in (("a.png", png), ("b", dicom))] == [201, 201]
    assert api.post(f"/api/v1/batches/{batch.pk}/submit").status_code == 200
    screen(batch)
    assert states(batch) == [("done", 1), ("done", 1)]
    for film in batch.films.all():
        for view, magic in PARTS.items():
            answer: Any = browser.get(reverse(view, args=[film.pk]))
            body = b"".join(answer.streaming_content)
            assert (answer.status_code, body[:3]) == (200, magic)
            assert int(answer["Content-Length"]) == len(body)
        with default_storage.open(film.storage_name("original")) as file:
            assert len(file.read()) == film.kept_bytes
    tally = CheckedCounts()
    assert list(find_violations(tally, settled=True)) == []
    assert (tally.films, tally.files) == (2, 2 + sum(3 if film.mapped else 2 for film in batch.films.all()))
    media = Path(settings.MEDIA_ROOT)
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_what_is_wrong_in_the_bucket_is_found(s3: Bucket, api: APIClient, batch: Batch, png: bytes) -> None:
    send(api, batch, "a.png", png)
    film = batch.films.get()
    stray = "films/ab/" + "ab" * 16 + "/original"
    storage.put_file(stray, b"nobody's")
    storage.put_file(film.storage_name("original"), b"shorter")
    found = {one.code for one in find_violations(CheckedCounts(), grace=timedelta(0))}
    assert found == {"size_differs", "orphan_file"}
    default_storage.delete(film.storage_name("original"))
    default_storage.delete(stray)
    assert {one.code for one in find_violations(CheckedCounts())} == {"file_missing"}


def test_presigned_pictures_come_from_the_bucket_itself(
    s3: Bucket, api: APIClient, batch: Batch, browser: Client, png: bytes, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SERVE_PRESIGNED", "1")
    settings.SERVE_PRESIGNED = storages.read_presigned()
    send(api, batch, "Mustermann.png", png)
    api.post(f"/api/v1/batches/{batch.pk}/submit")
    screen(batch)
    film = batch.films.get()
    sent_on = browser.get(reverse("film-thumb", args=[film.pk]))
    assert (sent_on.status_code, sent_on["Cache-Control"]) == (302, "private, max-age=30")
    assert "Mustermann" not in sent_on["Location"]
    assert sent_on["Location"].startswith(s3.endpoint)
    assert storages.picture_origins()[-1] == s3.endpoint  # what the pages' policy lets pictures come from
    answer = requests.get(sent_on["Location"], timeout=10)
    assert (answer.status_code, answer.content[:3]) == (200, b"\xff\xd8\xff")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{film.pk.hex[:12]}-thumb.jpg"'


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "silent"])
def test_a_bucket_that_is_away_loses_nothing_and_costs_no_attempt(
    s3: Bucket, seaweed: SeaweedFS, api: APIClient, batch: Batch, browser: Client, png: bytes, jpeg: bytes,
    settings: Any, monkeypatch: pytest.MonkeyPatch, silent: bool,
) -> None:  # fmt: skip
    settings.CHUNK_SECONDS = 12  # 4 seconds for an answer
    settings.STORAGES = storages.storage_settings()
    monkeypatch.setattr("screening.storage.s3.UNAVAILABLE_SECONDS", 0.5)
    send(api, batch, "a.png", png)
    if silent:
        seaweed.send(signal.SIGSTOP)
    else:
        seaweed.kill()
    refused = send(api, batch, "b.jpg", jpeg)
    assert (refused.status_code, refused.json()["code"]) == (507, "storage_failed")
    assert batch.films.count() == 1
    api.post(f"/api/v1/batches/{batch.pk}/submit")
    for _ in range(4):  # oftener than a film has attempts
        screen(batch)
    assert states(batch) == [("queued", 0)]
    film = batch.films.get()
    Film.objects.filter(pk=film.pk).update(pictured=True)
    answer = browser.get(reverse("film-thumb", args=[film.pk]), headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")
    Film.objects.filter(pk=film.pk).update(pictured=False)

    if silent:
        seaweed.send(signal.SIGCONT)
        seaweed.wait()
        monkeypatch.setattr("screening.storage.s3.time.monotonic", lambda: 1e9)
    else:
        seaweed.start()
    screen(batch)
    assert states(batch) == [("done", 1)]
    assert list(find_violations(CheckedCounts(), settled=True)) == []


def test_a_bucket_that_goes_away_before_the_pictures_are_stored_costs_no_attempt(
    s3: Bucket, seaweed: SeaweedFS, api: APIClient, batch: Batch, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, batch, "a.png", png)
    api.post(f"/api/v1/batches/{batch.pk}/submit")
    kept = chunk._stored_outcome

    def cut_off(*args: Any) -> Any:
        seaweed.kill()
        return kept(*args)

    with monkeypatch.context() as patch:
        patch.setattr(chunk, "_stored_outcome", cut_off)
        screen(batch)
    assert states(batch) == [("queued", 0)]
    seaweed.start()
    screen(batch)
    assert states(batch) == [("done", 1)]
    assert list(find_violations(CheckedCounts(), settled=True)) == []
