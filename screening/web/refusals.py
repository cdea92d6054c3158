"""Answers that the web server gives by itself, without the application."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Refused:
    """An answer that the server gives without asking the application."""

    code: str
    status: HTTPStatus
    sentence: str
    fields: tuple[str, ...] = ()

    def response(self) -> bytes:
        """Return the whole answer, in the form of both the pages' scripts and the REST API."""
        body = {"code": self.code, "detail": self.sentence, "sentence": self.sentence}
        return _response(self.status, body, self.fields)


def liveness_answer(*, head: bool) -> bytes:
    """Return the answer to a liveness probe; ``head``: without its body."""
    return _response(HTTPStatus.OK, {"status": "ok"}, ("Cache-Control: no-store",), head=head)


def _response(status: HTTPStatus, answer: dict[str, str], fields: tuple[str, ...], *, head: bool = False) -> bytes:
    body = json.dumps(answer).encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head else body)


REQUEST_TOO_SLOW = Refused(
    "request_too_slow", HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time; send it again."
)
HEADER_TOO_LARGE = Refused(
    "header_too_large",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The header of the request is too large; send fewer or shorter fields.",
)
SERVER_BUSY = Refused(
    "server_busy",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server takes too many uploads at the moment; send the file again soon.",
    ("Retry-After: 5",),
)
