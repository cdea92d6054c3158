"""Answers that the web server gives by itself, without the application."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus

from screening.codes import request_codes
from screening.codes.entries import RequestCode


@dataclass(frozen=True)
class EarlyRefusal:
    """An error answer that the server gives without asking the application.

    Attributes:
        code: why.
        fields: further header fields.
    """

    code: RequestCode
    fields: tuple[str, ...] = ()

    def response(self) -> bytes:
        """Return the whole answer, in the form that every error has."""
        return _response(HTTPStatus(self.code.status), asdict(self.code.reason()), self.fields)


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


REQUEST_TOO_SLOW = EarlyRefusal(request_codes.REQUEST_TOO_SLOW)
HEADER_TOO_LARGE = EarlyRefusal(request_codes.HEADER_TOO_LARGE)
SERVER_BUSY = EarlyRefusal(request_codes.SERVER_BUSY, ("Retry-After: 5",))
