"""What the web server answers by itself, before the application sees a request."""

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
        body = json.dumps({"code": self.code, "detail": self.sentence, "sentence": self.sentence}).encode()
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *self.fields,
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


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
