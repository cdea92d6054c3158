"""Bodies that are refused by their header and their sender, before a byte of them is read."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import reverse

from screening.accounts import tokens
from screening.models import Batch

MIB = 1024 * 1024
GIB = 1024 * MIB
MULTIPART = "multipart/form-data; boundary=x"


class Untouched:
    """A body that no one may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def post(path: str, size: int, **header: str) -> tuple[int, dict[str, str]]:
    """Send only the header of a request through the whole application; returns status and fields of the answer."""
    environ = RequestFactory().post(path).environ | {
        "CONTENT_LENGTH": str(size), "CONTENT_TYPE": MULTIPART, "wsgi.input": Untouched(), **header,
    }  # fmt: skip
    answer = ClientHandler(enforce_csrf_checks=True)(environ)
    return answer.status_code, dict(answer.headers)


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


@pytest.mark.parametrize("path", ["/login", "/admin/login/"])
def test_a_stranger_cannot_send_a_login_form_of_400_megabytes(path: str, db: None) -> None:
    assert post(path, 400 * MIB)[0] == 413


@pytest.mark.parametrize("path", ["/batches/create", "/batches/open", "/account/tokens", "/reading/mode", "/admin/"])
def test_a_stranger_is_sent_to_the_login_instead(path: str, db: None) -> None:
    status, fields = post(path, 400 * MIB)
    assert (status, fields["Location"].split("?")[0]) in {(302, "/login"), (302, "/admin/login/")}


def test_a_stranger_at_the_api_is_refused_unread(batch: Batch) -> None:
    for path in ("/api/v1/batches", f"/api/v1/batches/{batch.pk}/files"):
        assert post(path, MIB)[0] == 401
        assert post(path, MIB, HTTP_AUTHORIZATION="Token xray_wrong")[0] == 401


@pytest.mark.parametrize("name", ["batch-open", "token-create", "reading-mode"])
def test_an_address_without_files_takes_no_large_body(name: str, owner: User) -> None:
    assert post(reverse(name), 3 * MIB, HTTP_COOKIE=cookie_of(owner))[0] == 413


def test_one_request_carries_no_more_than_the_setting_says(owner: User, batch: Batch, settings: Any) -> None:
    settings.MAX_REQUEST_BYTES = 10 * MIB
    path = reverse("batch-add", args=[batch.pk])
    assert post(path, 11 * MIB, HTTP_COOKIE=cookie_of(owner), HTTP_ACCEPT="application/json")[0] == 413


def test_more_than_the_disk_holds_is_refused_before_it_fills_it(
    owner: User, batch: Batch, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.body_limits.shutil.disk_usage", lambda _path: type("Usage", (), {"free": MIB}))
    path = reverse("batch-add", args=[batch.pk])
    assert post(path, 2 * MIB, HTTP_COOKIE=cookie_of(owner))[0] == 507


def test_the_codes_are_stable(client: Client, api: Any, batch: Batch) -> None:
    answer = api.post(f"/api/v1/batches/{batch.pk}/submit", b"x" * 3 * MIB, content_type="application/octet-stream")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    page = client.post("/login", b"x" * MIB, content_type=MULTIPART, headers={"Accept": "application/json"})
    assert (page.status_code, page.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_an_upload_that_breaks_off_is_told_so(owner: User, batch: Batch, accept: str) -> None:
    class Broken(Untouched):
        def read(self, *_: Any) -> bytes:
            raise OSError(32, "too slow")

        readline = read

    for path, credentials in (
        (reverse("batch-add", args=[batch.pk]), {"HTTP_COOKIE": cookie_of(owner)}),
        (f"/api/v1/batches/{batch.pk}/files", {"HTTP_AUTHORIZATION": f"Token {_token(owner)}"}),
    ):
        header = {"wsgi.input": Broken(), "HTTP_ACCEPT": accept, **credentials}
        assert post(path, MIB, **header)[0] == 408, path  # type: ignore[arg-type]


def _token(user: User) -> str:
    return tokens.create_token(user=user, name="test")[1]


def test_the_request_of_a_form_is_still_read_once(owner: User, batch: Batch, png: bytes, client: Client) -> None:
    client.force_login(owner)
    answer = client.post(reverse("batch-add", args=[batch.pk]), {"file": ContentFile(png, "a.png")})
    assert answer.status_code == 302
    assert batch.films.count() == 1
