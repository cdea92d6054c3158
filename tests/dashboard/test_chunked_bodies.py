"""Limits of bodies that declare no length: they apply while the body is read."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.http import UnreadablePostError
from django.test import Client
from django.urls import reverse

from dashboard.chunked_bodies import LimitedBody
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.models import Batch, Film

TOO_LARGE = ScreeningError(request_codes.BODY_TOO_LARGE, most=10)


def multipart(size: int) -> bytes:
    head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    return head + bytes(size) + b"\r\n--XX--\r\n"


def send(client: Client, batch: Batch, data: bytes) -> Any:
    """Send a body as the web server hands over a chunked one."""
    environ: dict[str, Any] = {
        "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True,
        "wsgi.input": BytesIO(data), "HTTP_ACCEPT": "application/json",
    }  # fmt: skip
    content_type = "multipart/form-data; boundary=XX"
    return client.generic("POST", reverse("batch-add", args=[batch.pk]), data, content_type, **environ)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_SPOOL = tmp_path / "spool"


def test_a_body_within_the_limit_is_read(as_owner: Client, batch: Batch) -> None:
    answer = send(as_owner, batch, multipart(1000))
    assert (answer.status_code, answer.json()["films"][0]["code"]) == (201, "unsupported_kind")


def test_a_body_over_the_limit_is_refused_while_it_is_read(as_owner: Client, batch: Batch, settings: Any) -> None:
    settings.MAX_REQUEST_BYTES = 500_000
    answer = send(as_owner, batch, multipart(600_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert not Film.objects.exists()


def test_a_body_that_fills_the_disk_is_refused(as_owner: Client, batch: Batch) -> None:
    with patch("dashboard.body_limits.shutil.disk_usage", return_value=SimpleNamespace(free=500_000)):
        answer = send(as_owner, batch, multipart(600_000))
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_failed")
    assert not Film.objects.exists()


def test_a_stranger_is_sent_to_the_login_unread(batch: Batch) -> None:
    body = BytesIO(multipart(10))
    with patch("tests.dashboard.test_chunked_bodies.BytesIO", return_value=body):
        answer = send(Client(), batch, b"")
    assert answer.status_code == 302
    assert body.tell() == 0


def test_reading_ends_at_the_limit() -> None:
    body = LimitedBody(BytesIO(b"0123456789"), 10, TOO_LARGE)
    assert (body.read(4), body.readline(), body.read(), body.read(1)) == (b"0123", b"456789", b"", b"")
    with pytest.raises(ScreeningError):
        LimitedBody(BytesIO(b"01234567890"), 10, TOO_LARGE).read()
    with pytest.raises(ScreeningError):
        LimitedBody(BytesIO(bytes(100)), 10, TOO_LARGE).read(50)


def test_every_error_of_the_web_server_means_that_the_body_broke_off() -> None:
    class Malformed(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ValueError("Invalid chunk size")

    with pytest.raises(UnreadablePostError):
        LimitedBody(Malformed(), 10, TOO_LARGE).read(1)
