"""When a request is handed to a thread."""

from __future__ import annotations

import pytest

from screening.config import web
from screening.web.reception import Reception, State

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


def test_a_header_is_complete_at_its_last_byte_and_not_before() -> None:
    whole = GET + b"\r\n"
    for cut in range(len(whole)):
        reception = Reception(whole[:cut])
        states = [reception.state]
        reception.add(whole[cut:])
        assert [*states, reception.state] == [State.INCOMPLETE, State.READY], cut


def test_a_small_body_is_waited_for_whole() -> None:
    reception = Reception(GET + b"content-LENGTH : 3 \r\n\r\n")
    states = []
    for byte in (b"a", b"b", b"c"):
        reception.add(byte)
        states.append(reception.state)
    assert states == [State.INCOMPLETE, State.INCOMPLETE, State.READY]


@pytest.mark.parametrize(
    "field",
    [
        f"Content-Length: {web.SMALL_BODY + 1}".encode(),
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:gzip, chunked",
        b"Expect: 100-continue\r\nContent-Length: 3",
    ],
)
def test_a_body_that_takes_its_time_goes_to_the_threads_of_uploads(field: bytes) -> None:
    assert Reception(GET + field + b"\r\n\r\n").state is State.UPLOAD


@pytest.mark.parametrize("field", [b"Content-Length: 5\r\nContent-Length: 70000", b"Content-Length: -1", b"X: 1"])
def test_what_gunicorn_refuses_is_not_waited_for(field: bytes) -> None:
    assert Reception(GET + field + b"\r\n\r\n").state is State.READY


def test_a_length_in_the_body_is_no_length() -> None:
    body = b"\r\nContent-Length: 99999\r\n\r\n"
    reception = Reception(GET + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert reception.state is State.READY


def test_a_header_that_does_not_end_is_too_large() -> None:
    reception = Reception(GET)
    for _ in range(web.MAX_HEADER // 1000 + 1):
        reception.add(b"x" * 1000)
    assert reception.state is State.TOO_LARGE
