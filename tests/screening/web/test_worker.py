"""The web server's worker: clients that are slow, silent, rude or gone cost no thread and no other client."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.screening.web.server import answer, connect, request, running_server

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with two threads, one of which takes uploads, and waits of a second or two."""
    changes = {
        "THREADS": 2, "UPLOAD_THREADS": 1, "CONNECTIONS": 60, "REQUEST_SECONDS": 2.0, "IDLE_SECONDS": 1.0,
        "GRACE_SECONDS": 2.0, "UPLOAD_QUEUE_SECONDS": 1.2, "LINGER_SECONDS": 2.0,
    }  # fmt: skip
    with running_server(tmp_path_factory.mktemp("web"), **changes) as port:
        yield port


def said(port: int, data: bytes) -> bytes:
    """Return the whole answer to one request."""
    with connect(port) as client:
        client.sendall(data)
        return answer(client)


def body_of(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def code_of(data: bytes) -> str:
    return str(json.loads(body_of(data))["code"])


def test_a_request_is_answered_however_it_is_cut(port: int) -> None:
    whole = request("/echo", "Content-Length: 5", method="POST", body=b"12345")
    for cut in (1, 20, len(whole) - 6, len(whole) - 1):
        with connect(port) as client:
            client.sendall(whole[:cut])
            time.sleep(0.05)
            client.sendall(whole[cut:])
            assert body_of(answer(client)) == b"12345", cut


def test_requests_follow_each_other_on_one_connection_even_sent_at_once(port: int) -> None:
    one = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n"
    with connect(port) as client:
        client.sendall(one + b"abc" + one + b"def" + request("/"))
        data = answer(client)
    assert [part in data for part in (b"abc", b"def", b"hello")] == [True] * 3
    assert data.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("size", [64 * KIB, 64 * KIB + 1, 3 * MIB])
def test_bodies_arrive_whole_whether_the_loop_or_a_thread_reads_them(port: int, size: int) -> None:
    body = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    body = body[:size]
    assert body_of(said(port, request("/echo", f"Content-Length: {size}", method="POST", body=body))) == body


def test_a_body_in_chunks_arrives(port: int) -> None:
    chunks = b"5\r\n12345\r\n3\r\nabc\r\n0\r\n\r\n"
    data = said(port, request("/echo", "Transfer-Encoding: chunked", method="POST", body=chunks))
    assert body_of(data) == b"12345abc"


def test_a_malformed_body_gets_one_answer(port: int) -> None:
    for chunks in (b"zz\r\na=b\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n"):
        whole = request("/", "Transfer-Encoding: chunked", method="POST", body=chunks).replace(
            b"close", b"keep-alive"
        )
        assert said(port, whole).count(b"HTTP/1.1 ") == 1


def test_a_small_body_that_nobody_read_leaves_the_connection_open(port: int) -> None:
    for size in (64 * KIB - 1, 64 * KIB):
        unread = request("/", f"Content-Length: {size}", method="POST", body=bytes(size))
        data = said(port, unread.replace(b"close", b"keep-alive") + request("/"))
        assert data.count(b"hello") == 2, size


def test_a_liveness_probe_needs_no_thread(port: int) -> None:
    assert json.loads(body_of(said(port, request("/livez")))) == {"status": "ok"}
    assert body_of(said(port, request("/livez", method="HEAD"))) == b""
    assert body_of(said(port, request("/livez", method="POST"))) == b"hello"  # the application's business


def test_slow_headers_and_small_bodies_hold_up_nobody_and_end(port: int) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(20)]
        for number, client in enumerate(slow):
            start = request("/echo", "Content-Length: 5", method="POST")
            client.sendall(b"GET / HT" if number % 2 else start)
        assert body_of(said(port, request("/"))) == b"hello"  # with all of them waiting
        for client in slow:
            data = answer(client)
            assert data.startswith(b"HTTP/1.1 408 ")
            assert code_of(data) == "request_too_slow"


def test_a_silent_connection_is_closed_without_a_word(port: int) -> None:
    with connect(port) as client:
        assert answer(client) == b""


def test_a_header_without_end_is_refused(port: int) -> None:
    data = said(port, b"GET / HTTP/1.1\r\n" + b"X-Filler: " + b"x" * (70 * KIB))
    assert data.startswith(b"HTTP/1.1 431 ")
    assert code_of(data) == "header_too_large"


def test_slow_uploads_leave_the_other_threads_to_pages_and_end(port: int) -> None:
    upload = request("/echo", f"Content-Length: {MIB}", method="POST", body=b"x")
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(6)]
        for client in slow:
            client.sendall(upload)
        time.sleep(0.2)
        assert body_of(said(port, request("/"))) == b"hello"
        codes = [code_of(data) if data.startswith(b"HTTP/1.1 503 ") else "" for data in map(answer, slow)]
    assert "server_busy" in codes  # the last in the queue is told, before its client gives up
    whole = request("/echo", f"Content-Length: {MIB}", method="POST", body=bytes(MIB))
    assert len(body_of(said(port, whole))) == MIB  # and the thread of uploads is free again


def test_readers_that_take_nothing_hold_no_thread(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(connect(port, window=4096))
            client.sendall(request("/large"))
        time.sleep(0.3)
        assert body_of(said(port, request("/"))) == b"hello"


def test_a_slow_reader_gets_all_of_a_long_answer(port: int) -> None:
    with connect(port, window=64 * KIB) as client:
        client.sendall(request("/large"))
        size = 0
        while block := client.recv(64 * KIB):
            size += len(block)
            time.sleep(0.01)
    assert size > 2 * MIB


def test_a_stream_that_nobody_takes_ends(port: int) -> None:
    with connect(port, window=4096) as idle:
        idle.sendall(request("/stream"))
        time.sleep(2.5)  # longer than a thread waits for a client that takes nothing
        with connect(port, window=4096) as other:
            other.sendall(request("/stream"))
            time.sleep(0.3)
            assert body_of(said(port, request("/"))) == b"hello"


def test_an_answer_before_the_body_reaches_its_sender(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("/", f"Content-Length: {8 * MIB}", method="POST"))
        sent = 0
        while sent < 8 * MIB:
            sent += client.send(bytes(256 * KIB))
        assert body_of(answer(client)) == b"hello"


def test_go_on_is_said_only_for_a_body_that_is_wanted(port: int) -> None:
    fields = ("Content-Length: 5", "Expect: 100-continue")
    with connect(port) as client:
        client.sendall(request("/echo", *fields, method="POST"))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        assert body_of(answer(client)) == b"12345"
    assert b"100 Continue" not in said(port, request("/", *fields, method="POST"))


def test_more_connections_than_there_is_room_for_push_out_the_oldest_unfinished(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(port)).sendall(b"GET / HT")
        assert body_of(said(port, request("/"))) == b"hello"


def test_clients_that_go_away_in_the_middle_leave_the_server_sound(port: int) -> None:
    for start in (b"GET", request("/echo", f"Content-Length: {MIB}", method="POST", body=b"x"), request("/stream")):
        client = connect(port)
        client.sendall(start)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # closes with a reset
        client.close()
    for _ in range(5):
        assert body_of(said(port, request("/"))) == b"hello"


def test_a_stop_finishes_what_runs_and_waits_for_no_silent_client(tmp_path: Path) -> None:
    with running_server(tmp_path, GRACE_SECONDS=2.0) as port, connect(port) as silent, connect(port) as busy:
        busy.sendall(request("/echo", f"Content-Length: {100 * KIB}", method="POST", body=bytes(50 * KIB)))
        time.sleep(0.3)
        busy.sendall(bytes(50 * KIB))
        assert len(body_of(answer(busy))) == 100 * KIB
        assert silent.fileno() >= 0
