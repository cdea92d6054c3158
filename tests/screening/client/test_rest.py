"""The client against a server that misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from screening.client import rest
from screening.client.rest import Client, ClientError


class Flaky(BaseHTTPRequestHandler):
    """Answers with the statuses it was given, in turn."""

    statuses: list[int]
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        status = self.statuses.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"state": "done"}' if status == 200 else b'{"code": "x", "detail": "Why."}')

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(rest, "FIRST_PAUSE", 0.001)
    Flaky.asked = 0
    with HTTPServer(("127.0.0.1", 0), Flaky) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_server_that_is_away_for_a_moment_is_asked_again(server: str) -> None:
    Flaky.statuses = [503, 502, 200]
    assert Client(server, "x").status("b") == {"state": "done"}
    assert Flaky.asked == 3


def test_a_refusal_is_final_and_says_why(server: str) -> None:
    Flaky.statuses = [409]
    with pytest.raises(ClientError, match="Why") as caught:
        Client(server, "x").status("b")
    assert (caught.value.code, Flaky.asked) == ("x", 1)


def test_a_server_that_stays_away_is_given_up(server: str) -> None:
    Flaky.statuses = [503] * 10
    with pytest.raises(ClientError):
        Client(server, "x").status("b")
    assert Flaky.asked == rest.RETRIES + 1


def test_no_server_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "FIRST_PAUSE", 0.001)
    with pytest.raises(ClientError, match="does not answer"):
        Client("http://127.0.0.1:9", "x").status("b")
