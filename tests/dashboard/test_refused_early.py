"""Requests refused before any view runs: the answer says why, and what the operator has to set."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def strict(owner: User) -> Client:
    """A signed-in browser that has loaded a page."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    browser.get(reverse("account"))
    return browser


def post(browser: Client, **headers: str) -> Any:
    headers = {"HTTP_HOST": "testserver", **headers}
    data = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value, "name": ""}
    return browser.post(reverse("token-create"), data, **headers)  # type: ignore[arg-type]


def says(answer: Any, code: str, *pieces: str) -> None:
    content = unescape(answer.content.decode())
    for piece in (code, *pieces):
        assert piece in content, content


@pytest.mark.parametrize("address", ["/", "/login", "/no-such-page"])
def test_a_name_that_the_server_does_not_go_by(address: str) -> None:
    answer = Client().get(address, HTTP_HOST="xray.example.org")
    assert answer.status_code == 400
    says(answer, "host_unknown", "'xray.example.org'", "DJANGO_ALLOWED_HOSTS")
    assert "too many files" not in answer.content.decode()


def test_programs_get_the_code(settings: Any) -> None:
    found = Client().get("/api/v1/batches", HTTP_HOST="xray.example.org")
    assert (found.status_code, found.json()["code"]) == (400, "host_unknown")
    assert "DJANGO_ALLOWED_HOSTS" in found.json()["detail"]
    found = Client().get("/", HTTP_HOST="<b>.example.org", **JSON)  # type: ignore[arg-type]
    assert found.json()["code"] == "host_unknown"
    assert "<b>" not in Client().get("/", HTTP_HOST="<b>.example.org").content.decode()


def test_a_form_with_too_many_fields_is_not_called_too_many_files(strict: Client) -> None:
    fields = {f"field-{number}": "" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    for address in (reverse("token-create"), "/api/v1/batches"):
        answer = strict.post(address, fields, **JSON)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (400, "not_understood")


def test_tls_that_the_server_was_not_told_of(strict: Client) -> None:
    for headers in (
        {"HTTP_ORIGIN": "https://testserver"},
        {"HTTP_ORIGIN": "https://testserver", "HTTP_X_FORWARDED_PROTO": "https"},
    ):
        answer = post(strict, **headers)
        assert answer.status_code == 403
        says(answer, "csrf_origin", "sets DJANGO_HTTPS=1", "came over https")
        assert "expired" not in answer.content.decode()


def test_tls_that_the_proxy_does_not_tell_of(strict: Client, settings: Any) -> None:
    settings.HTTPS, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")
    says(post(strict, HTTP_ORIGIN="https://testserver"), "csrf_origin", "has the proxy send X-Forwarded-Proto: https")
    told = {"HTTP_ORIGIN": "https://testserver", "HTTP_X_FORWARDED_PROTO": "https"}
    assert post(strict, **told).status_code != 403
    says(post(strict, HTTP_REFERER="https://other.example/", HTTP_X_FORWARDED_PROTO="https"), "csrf_origin")


def test_a_form_from_another_address(strict: Client, settings: Any) -> None:
    answer = post(strict, HTTP_ORIGIN="https://xray.example.org")
    says(answer, "csrf_origin", "'https://xray.example.org'", "DJANGO_CSRF_TRUSTED_ORIGINS", "testserver")
    assert post(strict, HTTP_ORIGIN="https://xray.example.org", **JSON).json()["code"] == "csrf_origin"
    settings.CSRF_TRUSTED_ORIGINS = ["https://xray.example.org"]
    strict.handler.load_middleware()  # which has read them once
    assert post(strict, HTTP_ORIGIN="https://xray.example.org").status_code != 403


def test_a_signed_in_browser_learns_it_from_the_interface_too(strict: Client) -> None:
    answer = strict.post("/api/v1/batches", {"name": "Ward"}, HTTP_ORIGIN="https://testserver")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_origin")
    assert "DJANGO_HTTPS=1" in answer.json()["detail"]
    assert strict.post("/api/v1/batches", {"name": "Ward"}).json()["code"] == "permission_denied"


def test_plain_http_where_cookies_are_for_https(settings: Any) -> None:
    settings.HTTPS = True
    answer = Client(enforce_csrf_checks=True).post("/login", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    says(answer, "https_needed", "https address", "X-Forwarded-Proto")


def test_only_a_missing_or_old_token_is_an_expired_form(strict: Client) -> None:
    del strict.cookies["csrftoken"]
    for browser in (strict, Client(enforce_csrf_checks=True)):
        answer = browser.post(reverse("token-create"), {"csrfmiddlewaretoken": "x" * 32})
        assert answer.status_code == 403
        says(answer, "csrf_token", "expired", "Load the page again")
