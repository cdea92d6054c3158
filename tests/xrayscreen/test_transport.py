"""Requests against a server that fails the way servers and networks do."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests

from tests.xrayscreen.conftest import HASTY
from tests.xrayscreen.server import TOKEN, Fault, Server
from xrayscreen import Client, ClientError, Retry, Upload
from xrayscreen.transport import read_retry_after


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(503), Fault(502), Fault(504), Fault(429)],
        [Fault(408)],
        [Fault(cut=True), Fault(cut=True, carried_out=True), Fault(503)],
    ],
)
def test_a_file_gets_there_once_whatever_goes_wrong_on_the_way(
    server: Server, client: Client, faults: list[Fault]
) -> None:
    batch = client.create_batch("x")
    for fault in faults:
        fault.on = "/files"
    server.faults.extend(faults)
    film = client.add(batch, Upload("a/b.bin", b"content"))
    assert server.count("/files") == len(faults) + 1
    assert [one.id for one in server.films[batch]] == [film["id"]]
    assert film["file"] == "a/b.bin"


def test_a_large_upload_that_is_cut_is_sent_again_from_its_beginning(
    server: Server, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * 80_000)
    upload = Upload("large", tmp_path / "large")
    batch = client.create_batch("x")
    server.faults.extend([Fault(cut=True, on="/files"), Fault(503, on="/files")])
    moved: list[int] = []
    ((_, film),) = client.send(batch, [upload], moved.append)
    assert not isinstance(film, ClientError)
    assert film["sha256"] == upload.digest()[0]
    assert sum(moved) == 256 * 80_000, "what had to go again counts once"


def test_a_refusal_is_final_and_says_why(server: Server, client: Client) -> None:
    server.faults.append(Fault(409))
    with pytest.raises(ClientError) as caught:
        client.batches()
    assert (caught.value.code, caught.value.detail, caught.value.status) == ("code_409", "Why.", 409)
    assert len(server.asked) == 1


def test_a_server_that_stays_away_is_given_up(server: Server, client: Client) -> None:
    server.faults.extend(Fault(503) for _ in range(20))
    with pytest.raises(ClientError, match="code_503"):
        client.batches()
    assert len(server.asked) == HASTY.times + 1


def test_no_server_at_all() -> None:
    with pytest.raises(ClientError, match=r"unreachable: .* does not answer"):
        Client(f"http://127.0.0.1:{closed_port()}", "x", HASTY).batches()


@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_the_server_asks_for_is_kept(server: Server, client: Client, status: int) -> None:
    server.faults.append(Fault(status, {"Retry-After": "1"}))
    began = time.monotonic()
    client.batches()
    assert time.monotonic() - began >= 1


def test_a_server_that_wants_too_long_a_pause_is_not_waited_for(server: Server, client: Client) -> None:
    server.faults.append(Fault(429, {"Retry-After": "86400"}))
    with pytest.raises(ClientError, match="code_429"):
        client.batches()


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("7", 7, 7),
        ("in an hour", 3500, 3600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 0, 0),
        ("-3", 0, 0),
        ("", 0, 0),
    ],
)
def test_both_forms_of_retry_after_are_read(text: str, low: float, high: float) -> None:
    response = requests.Response()
    if text == "in an hour":
        text = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    response.headers["Retry-After"] = text
    assert low <= read_retry_after(response) <= high


def test_pauses_grow_to_a_limit_and_differ() -> None:
    retry = Retry(first=1, longest=4)
    for attempt, limit in enumerate([1, 2, 4, 4, 4]):
        drawn = [retry.pause(attempt, 0) for _ in range(300)]
        assert 0 <= min(drawn) < limit / 4
        assert limit * 0.75 < max(drawn) <= limit
    assert retry.pause(0, 30) >= 30


def test_opening_a_batch_is_repeated_only_where_none_can_have_been_opened(server: Server, client: Client) -> None:
    server.faults.extend([Fault(503), Fault(429)])
    client.create_batch("certain")
    assert len(server.films) == 1
    server.faults.append(Fault(cut=True, carried_out=True))
    with pytest.raises(ClientError, match="may have done what was asked"):
        client.create_batch("uncertain")
    assert list(server.names.values()) == ["certain", "uncertain"]


def test_opening_a_batch_waits_for_a_server_that_is_not_there_yet() -> None:
    client = Client(f"http://127.0.0.1:{closed_port()}", "x", HASTY)
    with pytest.raises(ClientError) as caught:
        client.create_batch("x")
    assert "may have done" not in caught.value.detail


def test_a_wrong_address_is_said_to_be_one(server: Server, client: Client) -> None:
    for address in ("127.0.0.1:8000", "ftp://host", ""):
        with pytest.raises(ClientError, match="server_invalid"):
            Client(address, "x")
    server.faults.append(Fault(301, {"Location": "https://elsewhere.example.org/"}))
    with pytest.raises(ClientError, match=r"moved: .*https://elsewhere\.example\.org/"):
        client.batches()
    with pytest.raises(ClientError, match="batch_invalid"):
        client.status("../models")


def test_an_answer_that_is_no_json_is_not_ours(server: Server, client: Client) -> None:
    batch = client.create_batch("x")
    with pytest.raises(ClientError, match="no_api"):
        client._transport.json("GET", f"/batches/{batch}/export.csv")


def test_a_netrc_entry_does_not_replace_the_token(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert client.batches() == []
    with pytest.raises(ClientError, match="token_invalid"):
        Client(server.url, TOKEN + "x", HASTY).batches()


def swallow(listener: socket.socket, received: list[int]) -> None:
    """A server that keeps nothing of one upload but its length."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        received.append(length)
        while length:
            length -= len(stream.read(min(length, 65536)))
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n[{}]")


def test_a_file_of_any_size_is_sent_from_the_disk(tmp_path: Path) -> None:
    size = 300 << 20
    with (tmp_path / "study.zip").open("wb") as file:
        file.truncate(size)
    received: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=swallow, args=(listener, received))
        thread.start()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "x", HASTY)
        tracemalloc.start()
        client.add("0" * 32, Upload("study.zip", tmp_path / "study.zip"))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        thread.join()
    assert received[0] > size
    assert most < 8 << 20
