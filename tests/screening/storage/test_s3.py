"""The bucket as a storage, on a real server: what is written, what each call costs, and what goes wrong."""

from __future__ import annotations

import io
import signal
import threading
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests
from botocore.awsrequest import AWSResponse
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from screening.config import storages
from screening.storage import local as storage
from tests.screening.storage.bucket import Bucket, SeaweedFS, s3, s3_server, seaweed
from tests.test_architecture import loaded_by

__all__ = ["s3", "s3_server", "seaweed"]

ORIGINAL, THUMB = "films/ab/abc/original", "films/ab/abc/thumb.jpg"
REFUSED = (400, 401, 403)  # AWS and SeaweedFS say 403, rclone 400


@pytest.fixture
def asked(s3: Bucket) -> Any:
    """How many requests of each kind this thread has made."""
    count: Counter[str] = Counter()

    def note(operation_name: str, **_: Any) -> None:
        count[operation_name] += 1

    client().meta.events.register("before-call.s3", lambda model, **_: note(model.name))
    return count


def client() -> Any:
    backend: Any = default_storage
    return backend.connection.meta.client


def key(name: str) -> str:
    backend: Any = default_storage
    return str(backend._object(name)["Key"])


def test_a_deployment_without_a_bucket_loads_no_s3_library() -> None:
    code = "import django; django.setup(); import screening.tasks, dashboard.urls, screening.api.views\n"
    code += "from django.core.files.storage import default_storage; default_storage.exists('x')"
    assert not {"boto3", "botocore", "storages"} & loaded_by(code)


def test_a_film_is_kept_under_our_name_as_bytes_and_nobody_else_may_read_it(s3: Bucket) -> None:
    sent = ContentFile(b"<script>alert(1)</script>", name="Mustermann.html")
    sent.content_type = "text/html"  # type: ignore[attr-defined]
    assert default_storage.save(ORIGINAL, sent) == ORIGINAL
    storage.make_durable(ORIGINAL)
    storage.put_file(THUMB, b"picture")
    storage.make_all_durable()
    assert client().head_object(Bucket=s3.name, Key=key(ORIGINAL))["ContentType"] == "application/octet-stream"
    assert client().head_object(Bucket=s3.name, Key=key(THUMB))["ContentType"] == "image/jpeg"
    with default_storage.open(ORIGINAL) as file:
        assert file.read() == b"<script>alert(1)</script>"
    assert requests.get(f"{s3.endpoint}/{s3.name}/{key(ORIGINAL)}", timeout=10).status_code in REFUSED


def test_what_is_written_again_is_replaced_and_what_is_deleted_is_gone(s3: Bucket) -> None:
    storage.put_file(THUMB, b"a longer first version")
    storage.put_file(THUMB, b"second")
    assert default_storage.save(ORIGINAL, ContentFile(b"one")) == default_storage.save(ORIGINAL, ContentFile(b"two!"))
    assert (default_storage.size(THUMB), default_storage.size(ORIGINAL)) == (6, 4)
    assert timezone.now() - default_storage.get_modified_time(THUMB) < timedelta(minutes=1)
    assert sorted(default_storage.listdir("films/ab/abc")[1]) == ["original", "thumb.jpg"]
    assert default_storage.listdir("films") == (["ab"], [])
    for name in (THUMB, ORIGINAL, ORIGINAL):
        default_storage.delete(name)
    assert not default_storage.exists(THUMB)
    assert default_storage.listdir("films/ab/abc") == ([], [])


def test_what_is_not_there_is_a_missing_file(s3: Bucket) -> None:
    for look in (default_storage.open, default_storage.size, default_storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            look("films/00/none/original")
    assert not default_storage.exists("films/00/none/original")


def test_each_call_is_one_request(asked: Counter[str]) -> None:
    storage.put_file(THUMB, b"picture")
    default_storage.save(ORIGINAL, ContentFile(b"bytes"))
    with default_storage.open(ORIGINAL) as file:
        assert bytes(file.read()) == b"bytes"
    default_storage.size(ORIGINAL)
    default_storage.exists(ORIGINAL)
    assert asked == {"PutObject": 2, "GetObject": 1, "HeadObject": 2}


def test_an_archive_is_read_where_it_lies(asked: Counter[str]) -> None:
    """Files of a ZIP in turn: a request where the reader jumps, none where it goes on."""
    members = {f"{number}.bin": bytes([number]) * 300_000 for number in range(5)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    default_storage.save(ORIGINAL, ContentFile(packed.getvalue()))
    with default_storage.open(ORIGINAL) as file, zipfile.ZipFile(file) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members
        file.seek(-3, io.SEEK_END)
        assert file.read(10) == packed.getvalue()[-3:]
        assert (file.read(), file.size) == (b"", len(packed.getvalue()))
    assert asked["GetObject"] <= 6


def test_an_object_that_changed_while_it_was_read_is_not_mixed(s3: Bucket) -> None:
    storage.put_file(ORIGINAL, b"first" * 1000)
    with default_storage.open(ORIGINAL) as file:
        file.read(5)
        storage.put_file(ORIGINAL, b"other" * 1000)
        file.seek(100)
        with pytest.raises(ConnectionError, match="replaced"):
            file.read(5)


def test_more_than_a_thousand_objects_are_all_listed(asked: Counter[str]) -> None:
    names = {f"{number:04}" for number in range(1_100)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: storage.put_file(f"films/cc/{name}", b"x"), names))
    asked.clear()
    folders, files = default_storage.listdir("films/cc")
    assert (folders, set(files), len(files)) == ([], names, 1_100)
    assert asked.total() == 2


def test_a_large_archive_is_sent_in_parts(asked: Counter[str]) -> None:
    data = bytes(range(256)) * 4096 * 70  # 70 MiB
    default_storage.save(ORIGINAL, ContentFile(data))
    assert asked["UploadPart"] == 5
    with default_storage.open(ORIGINAL) as file:
        assert file.read() == data


def test_an_address_is_good_for_its_time_and_says_what_it_gives(s3: Bucket) -> None:
    backend: Any = default_storage
    storage.put_file(THUMB, b"picture")
    said = {"ResponseContentType": "image/jpeg", "ResponseContentDisposition": 'inline; filename="a.jpg"'}
    answer = requests.get(backend.presigned_url(THUMB, seconds=60, headers=said), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"picture")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"] == 'inline; filename="a.jpg"'
    short = backend.presigned_url(THUMB, seconds=1, headers=said)
    time.sleep(2.1)
    assert requests.get(short, timeout=10).status_code in REFUSED


def test_addresses_name_the_host_that_browsers_reach(
    s3: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put_file(THUMB, b"picture")
    public = s3.endpoint.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("S3_PUBLIC_URL", public)
    settings.STORAGES = storages.storage_settings()
    backend: Any = default_storage
    address = backend.presigned_url(THUMB, seconds=60, headers={})
    assert address.startswith(f"{public}/{s3.name}/tests/")
    assert requests.get(address, timeout=10).content == b"picture"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("S3_SECRET_KEY", "wrong"), ("S3_ENDPOINT_URL", "http://127.0.0.1:1"), ("S3_BUCKET", "none-such")],
)
def test_a_bucket_that_cannot_be_used_is_away_and_its_films_are_not_missing(
    s3: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings.STORAGES = storages.storage_settings()
    with pytest.raises(ConnectionError):
        default_storage.open(ORIGINAL)
    with pytest.raises(ConnectionError):
        default_storage.listdir("films")


def answering(status: int, times: int) -> Any:
    """The next requests of this thread get an error from the server."""
    left = iter(range(times))

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if next(left, None) is None:
            return None
        body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        raw = io.BytesIO(body)
        raw.stream = lambda **_: iter([body])  # type: ignore[attr-defined]
        return AWSResponse(request.url, status, {}, raw)

    return answer


def test_a_busy_bucket_is_asked_once_more_and_then_is_away(asked: Counter[str]) -> None:
    client().meta.events.register("before-send.s3", answering(503, 1))
    storage.put_file(THUMB, b"picture")
    assert asked == {"PutObject": 2}
    client().meta.events.register("before-send.s3", answering(503, 2))
    with pytest.raises(ConnectionError, match="SlowDown"):
        storage.put_file(THUMB, b"picture")
    assert asked == {"PutObject": 4}


def test_a_connection_that_was_closed_while_idle_costs_nothing(asked: Counter[str], seaweed: SeaweedFS) -> None:
    storage.put_file(THUMB, b"picture")
    seaweed.kill()
    seaweed.start()
    assert default_storage.exists(THUMB)  # and the server has not lost it


def test_a_silent_bucket_costs_one_time_out_not_one_a_film(s3: Bucket, seaweed: SeaweedFS, settings: Any) -> None:
    settings.CHUNK_SECONDS = 12  # 4 seconds for an answer
    settings.STORAGES = storages.storage_settings()
    storage.put_file(THUMB, b"picture")
    seaweed.send(signal.SIGSTOP)
    begun = time.monotonic()
    for _ in range(32):
        with pytest.raises(ConnectionError):  # of another name: the bucket may still take one when it wakes up
            storage.put_file(THUMB.replace("thumb", "display"), b"picture")
    assert time.monotonic() - begun < settings.CHUNK_SECONDS
    seaweed.send(signal.SIGCONT)
    with patch("screening.storage.s3.time.monotonic", return_value=time.monotonic() + 5):
        storage.put_file(THUMB, b"again")
        assert default_storage.size(THUMB) == 5


class TimeIsOverError(Exception):
    """What a worker's soft time limit raises, wherever the process is at the moment."""


def test_a_time_limit_interrupts_a_request_and_is_not_taken_for_the_storages_error(
    s3: Bucket, seaweed: SeaweedFS
) -> None:
    def ring(*_: Any) -> None:
        raise TimeIsOverError

    storage.put_file(THUMB, b"picture")
    seaweed.send(signal.SIGSTOP)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    begun = time.monotonic()
    try:
        with pytest.raises(TimeIsOverError):
            storage.put_file(THUMB, b"picture")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begun < 2


def test_a_film_that_is_cut_off_while_it_is_read_is_a_storage_away(s3: Bucket, seaweed: SeaweedFS) -> None:
    storage.put_file(ORIGINAL, bytes(20_000_000))
    with default_storage.open(ORIGINAL) as file:
        file.read(1000)
        seaweed.kill()
        with pytest.raises(ConnectionError):
            file.read()
    seaweed.start()


def test_threads_have_connections_of_their_own(s3: Bucket) -> None:
    found: list[Any] = []

    def look() -> None:
        storage.put_file(f"films/dd/{threading.get_ident()}", b"x")
        found.append(client())

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 3


def test_names_that_lead_out_are_refused(s3: Bucket) -> None:
    from django.core.exceptions import SuspiciousOperation

    for name in ("../other/original", "films/../../other"):
        with pytest.raises(SuspiciousOperation):
            storage.put_file(name, b"x")


def test_nothing_is_opened_for_writing(s3: Bucket, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reading"):
        default_storage.open(ORIGINAL, "wb")
