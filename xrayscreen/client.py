"""A Python class for the REST API."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import requests
from requests.auth import AuthBase

from xrayscreen import codes
from xrayscreen.errors import ClientError, StoppedError
from xrayscreen.parallel import run_parallel
from xrayscreen.transport import CONNECT_SECONDS, SILENT_SECONDS, Retry, Transport
from xrayscreen.upload import Body, ByteCount, Upload

MAX_DIGESTS_A_REQUEST = 1000  # digests a request
FILMS_A_PAGE = 1000  # films a request
FIRST_POLL, MAX_POLL = 0.25, 2.0  # seconds
MIN_STORE_SPEED = 10_000_000  # bytes a second; sets how long the server may need to store a large file
MAX_DOWNLOADS = 3  # attempts to download an export
FINAL_STATES = frozenset({"done", "cancelled"})

Film = dict[str, Any]
Status = dict[str, Any]


class Client:
    """A client of one server for one user. Safe to use from several threads.

    A request is repeated while the server is unreachable or busy, unless it could be carried out twice. Every method
    may raise :class:`ClientError`.

    Example::

        client = Client("https://screening.example.org", token)
        batch = client.create_batch("Ward 3")
        client.add(batch, Upload("a.dcm", Path("a.dcm")))
        client.submit(batch)
        print(client.wait(batch)["progress"]["states"])
        for film in client.films(batch, decision="positive"):
            print(film["file"], film["score"])
    """

    def __init__(self, server: str, token: str, retry: Retry | None = None) -> None:
        """Create a client for a server (``https://…``) and an API token from its account page.

        Raises:
            ClientError: ``server_invalid``.
        """
        self._transport = Transport(server, token, retry or Retry())

    @property
    def server(self) -> str:
        """The server's address."""
        return self._transport.server

    @property
    def auth(self) -> AuthBase:
        """Authentication for other requests: ``requests.get(…, auth=client.auth)``."""
        return self._transport.auth

    def page(self, batch: str) -> str:
        """Return the address of a batch's page."""
        return f"{self.server}/batches/{batch}"

    def batches(self, most: int = 20) -> list[dict[str, Any]]:
        """Return the user's newest batches: id, name, model and dates."""
        answer = self._transport.json("GET", "/batches", params={"page_size": most})
        rows: list[dict[str, Any]] = answer["results"]
        return rows[:most]

    def create_batch(self, name: str, model: str | None = None) -> str:
        """Open a batch and return its id. The request is not repeated if the server may have opened it already."""
        body = {"name": name, **({"model": model} if model else {})}
        return str(self._transport.json("POST", "/batches", json=body, repeatable=False)["id"])

    def add(self, batch: str, upload: Upload) -> Film:
        """Send one file and return its row. Repeating it is safe: the server recognises a file by content and name.

        Raises:
            FileError: ``file_gone``, ``file_unreadable`` or ``file_changed``.
        """
        return self._add(batch, upload, Event(), id)

    def add_all(self, batch: str, uploads: Iterable[Upload], done: Callable[[Film], object]) -> None:
        """Send files, four at a time; ``done`` is called with the row of each.

        Raises:
            FileError: a file cannot be sent; uploads in progress are stopped.
        """
        with closing(self.send(batch, uploads)) as answers:
            for _, answer in answers:
                if isinstance(answer, ClientError):
                    raise answer
                done(answer)

    def send(
        self, batch: str, uploads: Iterable[Upload], moved: ByteCount = id
    ) -> Generator[tuple[Upload, Film | ClientError], None, None]:
        """Send files, four at a time; yield each with the server's row or the error, in the order of the answers.

        Args:
            batch: id of the batch.
            uploads: the files.
            moved: called from several threads with the number of bytes sent; negative if they must be sent again.
        """

        def work(upload: Upload, stop: Event) -> Film | ClientError:
            try:
                return self._add(batch, upload, stop, moved)
            except ClientError as error:
                return error
            except StoppedError:
                return ClientError(codes.STOPPED)

        with closing(run_parallel(work, uploads)) as answers:
            for upload, answer in answers:
                yield upload, answer.result()

    def missing(self, batch: str, digests: Iterable[str]) -> set[str]:
        """Return the sha256 digests (hex) of which the batch has no file yet."""
        wanted = list(dict.fromkeys(digests))
        found: set[str] = set()
        for start in range(0, len(wanted), MAX_DIGESTS_A_REQUEST):
            asked = {"sha256": wanted[start : start + MAX_DIGESTS_A_REQUEST]}
            try:
                answer = self._transport.json("POST", f"/batches/{_batch_id(batch)}/missing", json=asked)
            except ClientError as error:
                if error.status != 404 or error.code == codes.NOT_FOUND:
                    raise
                # An older server without this request; its list of films has the digests, too.
                return set(wanted) - {film["sha256"] for film in self.films(batch)}
            found.update(answer["missing"])
        return found

    def submit(self, batch: str) -> Status:
        """Submit the batch to the workers. A repeated call changes nothing."""
        return self._status("POST", batch, "/submit")

    def cancel(self, batch: str) -> Status:
        """Cancel the films that still wait; running films are finished.

        Raises:
            ClientError: ``batch_finished``: nothing was left to cancel.
        """
        return self._status("POST", batch, "/cancel")

    def status(self, batch: str) -> Status:
        """Return ``state``, ``progress`` and the server's ``notice``."""
        return self._status("GET", batch)

    def wait(self, batch: str, seen: Callable[[Status], object] = id, timeout: float | None = None) -> Status:
        """Poll until the batch is done or cancelled, and return its status.

        Args:
            batch: id of the batch.
            seen: called with every status.
            timeout: seconds, or ``None`` for no limit.

        Raises:
            ClientError: ``timeout``: the batch is not finished after that time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL
        while True:
            status = self.status(batch)
            seen(status)
            if status["state"] in FINAL_STATES:
                return status
            if deadline is not None and time.monotonic() > deadline:
                raise ClientError(codes.TIMEOUT, seconds=timeout)
            time.sleep(pause)
            pause = min(MAX_POLL, pause * 1.1)

    def films(self, batch: str, **filters: str) -> Iterator[Film]:
        """Yield the films of a batch in the order they were sent.

        Args:
            batch: id of the batch.
            filters: ``state``, ``decision`` or ``sort``, as in the API.
        """
        page = 1
        while True:
            wanted = {"page": page, "page_size": FILMS_A_PAGE, **filters}
            answer = self._transport.json("GET", f"/batches/{_batch_id(batch)}/films", params=wanted)
            yield from answer["results"]
            if not answer["next"]:
                return
            page += 1

    def csv(self, batch: str) -> Iterator[bytes]:
        """Return the batch's CSV export in pieces; every row carries the server's notice."""
        return self._pieces(f"/batches/{_batch_id(batch)}/export.csv")

    def json(self, batch: str) -> Iterator[bytes]:
        """Return the batch's JSON export in pieces."""
        return self._pieces(f"/batches/{_batch_id(batch)}/export.json")

    def save_csv(self, batch: str, out: Path) -> None:
        """Write the CSV export to a file. An existing file is replaced only by a complete one.

        Raises:
            OSError: the file cannot be written.
        """
        partial = out.with_name(f".{out.name}.{os.getpid()}.part")
        try:
            self._download(batch, partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)

    def _download(self, batch: str, out: Path) -> None:
        for attempt in count(1):
            try:
                with out.open("wb") as file:
                    file.writelines(self.csv(batch))
                    file.flush()
                    os.fsync(file.fileno())
                return
            except ClientError as error:
                if error.code != codes.BROKEN_OFF.code or attempt == MAX_DOWNLOADS:
                    raise

    def _add(self, batch: str, upload: Upload, stop: Event, moved: ByteCount) -> Film:
        films: list[Film] = self._transport.json(
            "POST",
            f"/batches/{_batch_id(batch)}/files",
            body=lambda: Body(upload, stop, moved),
            stop=stop,
            timeout=(CONNECT_SECONDS, SILENT_SECONDS + upload.size / MIN_STORE_SPEED),
        )
        return films[0]

    def _status(self, method: str, batch: str, action: str = "") -> Status:
        status: Status = self._transport.json(method, f"/batches/{_batch_id(batch)}{action}")
        return status

    def _pieces(self, path: str) -> Iterator[bytes]:
        response = self._transport.request("GET", path, stream=True)
        try:
            yield from response.iter_content(65536)
        except requests.RequestException as error:
            raise ClientError(codes.BROKEN_OFF, server=self.server) from error
        finally:
            response.close()


def _batch_id(batch: str) -> str:
    """Return a batch's id in the form for an address.

    Raises:
        ClientError: ``batch_invalid``.
    """
    try:
        return str(UUID(batch))
    except ValueError:
        raise ClientError(codes.BATCH_INVALID, batch=batch) from None
