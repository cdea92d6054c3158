"""The whole system under many slow clients: pages, the interface and uploads are answered all the same."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from ml.phantom.film import PhantomSpec, png_bytes
from tests.conftest import LiveStack
from tests.screening.web.server import request
from tests.screening.web.slow_clients import slow_clients

MANY = 64  # more than the server has threads
PATIENCE = 10  # seconds; a server whose threads are taken answers after minutes
BOUNDARY = "Content-Type: multipart/form-data; boundary=x"
SCRIPT = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"  # the longest answer to a stranger
FIRST_BYTES = {
    "nothing": b"",
    "header": b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "login form": request("/login", BOUNDARY, "Content-Length: 60000", method="POST"),
    "large login form": request("/login", BOUNDARY, "Content-Length: 400000000", method="POST"),
    "upload": request("/batches/create", BOUNDARY, "Content-Length: 400000000", method="POST"),
    "upload in chunks": request("/batches/create", BOUNDARY, "Transfer-Encoding: chunked", method="POST", body=b"f"),
    "upload by a program": request("/api/v1/batches", BOUNDARY, "Content-Length: 400000000", method="POST"),
}


@pytest.fixture(scope="module")
def port(live_stack: LiveStack) -> int:
    return int(urlsplit(live_stack.base_url).port or 0)


@pytest.fixture(scope="module")
def program(live_stack: LiveStack) -> requests.Session:
    """A program with a token."""
    session = requests.Session()
    session.headers["Authorization"] = f"Token {live_stack.token('patient')}"
    return session


def assert_all_is_answered(live_stack: LiveStack, program: requests.Session) -> None:
    base = live_stack.base_url
    for _ in range(3):
        assert requests.get(f"{base}/login", timeout=PATIENCE).status_code == 200
        assert requests.get(f"{base}/healthz", timeout=PATIENCE).status_code == 200
    batch = program.post(f"{base}/api/v1/batches", {"name": "beside slow clients"}, timeout=PATIENCE).json()["id"]
    film = {"file": ("a.png", png_bytes(PhantomSpec(height=512, width=512, seed=7)))}
    sent = program.post(f"{base}/api/v1/batches/{batch}/files", files=film, timeout=PATIENCE)
    assert sent.json()[0]["state"] == "queued"


@pytest.mark.parametrize("kind", FIRST_BYTES)
def test_strangers_who_send_slowly_stop_nobody(
    live_stack: LiveStack, port: int, program: requests.Session, kind: str
) -> None:
    with slow_clients(port, MANY, FIRST_BYTES[kind]):
        assert_all_is_answered(live_stack, program)


def test_strangers_who_read_slowly_stop_nobody(live_stack: LiveStack, port: int, program: requests.Session) -> None:
    with slow_clients(port, MANY, request(SCRIPT), window=4096):
        assert_all_is_answered(live_stack, program)


def test_slow_uploads_of_users_stop_no_page(live_stack: LiveStack, port: int, program: requests.Session) -> None:
    base = live_stack.base_url
    batch = program.post(f"{base}/api/v1/batches", {"name": "slow"}, timeout=PATIENCE).json()["id"]
    token = f"Authorization: {program.headers['Authorization']!s}"
    path = f"/api/v1/batches/{batch}/files"
    start = request(path, token, BOUNDARY, "Content-Length: 4000000", method="POST", body=b"--x\r\n")
    with slow_clients(port, MANY, start):
        for _ in range(5):
            assert requests.get(f"{base}/login", timeout=PATIENCE).status_code == 200
            status = program.get(f"{base}/api/v1/batches/{batch}", timeout=PATIENCE)
            assert status.json()["progress"]["total"] == 0
