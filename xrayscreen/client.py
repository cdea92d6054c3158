"""The REST interface as a Python class."""

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

from xrayscreen.errors import ClientError, StoppedError
from xrayscreen.lanes import in_lanes
from xrayscreen.transport import CONNECT_SECONDS, SILENT_SECONDS, Retry, Transport
from xrayscreen.upload import Body, Moved, Upload

ASKED_AT_ONCE = 1000  # digests a request
PAGE = 1000  # films a request
FIRST_POLL, LONGEST_POLL = 0.25, 2.0  # seconds
SLOWEST_STORE = 10_000_000  # bytes a second; how long the server may be silent over a large file follows from it
BROKEN_OFF = "broken_off"
DOWNLOADS = 3  # attempts at a whole export
FINAL = frozenset({"done", "cancelled"})

Film = dict[str, Any]
Status = dict[str, Any]


class Client:
    """Talks to one server as one user. Safe to use from several threads.

    Every request is repeated while the server is away or busy, except where that could do something twice. Every
    method may raise :class:`ClientError`.

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
        """Name the server (``https://…``) and a token made on its account page.

        Raises:
            ClientError: ``server_invalid``.
        """
        self._transport = Transport(server, token, retry or Retry())

    @property
    def server(self) -> str:
        """The address this client talks to."""
        return self._transport.server

    @property
    def auth(self) -> AuthBase:
        """For requests of one's own: ``requests.get(…, auth=client.auth)``."""
        return self._transport.auth

    def page(self, batch: str) -> str:
        """The address of a batch's page."""
        return f"{self.server}/batches/{batch}"

    def batches(self, most: int = 20) -> list[dict[str, Any]]:
        """My newest batches: id, name, model and dates."""
        answer = self._transport.json("GET", "/batches", params={"page_size": most})
        rows: list[dict[str, Any]] = answer["results"]
        return rows[:most]

    def create_batch(self, name: str, model: str | None = None) -> str:
        """Open a batch; returns its id. Not repeated where the server may have opened one already."""
        body = {"name": name, **({"model": model} if model else {})}
        return str(self._transport.json("POST", "/batches", json=body, repeatable=False)["id"])

    def add(self, batch: str, upload: Upload) -> Film:
        """Send one file and return its row. Safe to repeat: the server knows a file it has by content and name.

        Raises:
            FileError: ``file_gone``, ``file_unreadable`` or ``file_changed``.
        """
        return self._add(batch, upload, Event(), id)

    def add_all(self, batch: str, uploads: Iterable[Upload], done: Callable[[Film], object]) -> None:
        """Send files, four at a time; ``done`` is called for each as it is answered.

        Raises:
            FileError: for the first file that cannot be sent; what is under way is ended.
        """
        with closing(self.send(batch, uploads)) as answers:
            for _, answer in answers:
                if isinstance(answer, ClientError):
                    raise answer
                done(answer)

    def send(
        self, batch: str, uploads: Iterable[Upload], moved: Moved = id
    ) -> Generator[tuple[Upload, Film | ClientError], None, None]:
        """Send files, four at a time; yields each with the server's row or what went wrong, as it is answered.

        Args:
            batch: where they go.
            uploads: the files.
            moved: called from several threads with the bytes that went out; negative where they must go again.
        """

        def work(upload: Upload, stop: Event) -> Film | ClientError:
            try:
                return self._add(batch, upload, stop, moved)
            except ClientError as error:
                return error
            except StoppedError:
                return ClientError("stopped", "Sending was stopped.")

        with closing(in_lanes(work, uploads)) as answers:
            for upload, answer in answers:
                yield upload, answer.result()

    def missing(self, batch: str, digests: Iterable[str]) -> set[str]:
        """Those of these sha256 digests (hex) of which the batch has no file yet."""
        wanted = list(dict.fromkeys(digests))
        found: set[str] = set()
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            asked = {"sha256": wanted[start : start + ASKED_AT_ONCE]}
            try:
                answer = self._transport.json("POST", f"/batches/{_id(batch)}/missing", json=asked)
            except ClientError as error:
                if error.status != 404 or error.code == "not_found":
                    raise
                # A server too old for the question; its list of films says the same.
                return set(wanted) - {film["sha256"] for film in self.films(batch)}
            found.update(answer["missing"])
        return found

    def submit(self, batch: str) -> Status:
        """Hand the batch to the workers. Doing it twice does nothing more."""
        return self._status("POST", batch, "/submit")

    def cancel(self, batch: str) -> Status:
        """Cancel what still waits; films in a worker's hands are finished.

        Raises:
            ClientError: ``batch_finished`` where nothing was left to cancel.
        """
        return self._status("POST", batch, "/cancel")

    def status(self, batch: str) -> Status:
        """State and counts: ``state``, ``progress`` and the server's ``notice``."""
        return self._status("GET", batch)

    def wait(self, batch: str, seen: Callable[[Status], object] = id, timeout: float | None = None) -> Status:
        """Poll until the batch is done or cancelled; ``seen`` is called with every answer.

        Args:
            batch: which.
            seen: called with every status.
            timeout: seconds, or ``None`` for as long as it takes.

        Raises:
            ClientError: ``timeout`` after that time without an end.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL
        while True:
            status = self.status(batch)
            seen(status)
            if status["state"] in FINAL:
                return status
            if deadline is not None and time.monotonic() > deadline:
                raise ClientError("timeout", f"The batch is not finished after {timeout:.0f} seconds.")
            time.sleep(pause)
            pause = min(LONGEST_POLL, pause * 1.1)

    def films(self, batch: str, **filters: str) -> Iterator[Film]:
        """Films of a batch in the order they were sent.

        Args:
            batch: which.
            filters: ``state``, ``decision`` or ``sort``, as the interface has them.
        """
        page = 1
        while True:
            wanted = {"page": page, "page_size": PAGE, **filters}
            answer = self._transport.json("GET", f"/batches/{_id(batch)}/films", params=wanted)
            yield from answer["results"]
            if not answer["next"]:
                return
            page += 1

    def csv(self, batch: str) -> Iterator[bytes]:
        """The batch's CSV export, in pieces; every row carries the server's notice."""
        return self._pieces(f"/batches/{_id(batch)}/export.csv")

    def json(self, batch: str) -> Iterator[bytes]:
        """The batch's JSON export, in pieces."""
        return self._pieces(f"/batches/{_id(batch)}/export.json")

    def save_csv(self, batch: str, out: Path) -> None:
        """Write the CSV export to a file, which is replaced only by a complete one.

        Raises:
            OSError: when it cannot be written.
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
                if error.code != BROKEN_OFF or attempt == DOWNLOADS:
                    raise

    def _add(self, batch: str, upload: Upload, stop: Event, moved: Moved) -> Film:
        films: list[Film] = self._transport.json(
            "POST",
            f"/batches/{_id(batch)}/files",
            body=lambda: Body(upload, stop, moved),
            stop=stop,
            timeout=(CONNECT_SECONDS, SILENT_SECONDS + upload.size / SLOWEST_STORE),
        )
        return films[0]

    def _status(self, method: str, batch: str, action: str = "") -> Status:
        status: Status = self._transport.json(method, f"/batches/{_id(batch)}{action}")
        return status

    def _pieces(self, path: str) -> Iterator[bytes]:
        response = self._transport.request("GET", path, stream=True)
        try:
            yield from response.iter_content(65536)
        except requests.RequestException as error:
            sentence = f"{self.server} broke off in the middle of the results; ask for them again."
            raise ClientError(BROKEN_OFF, sentence) from error
        finally:
            response.close()


def _id(batch: str) -> str:
    """A batch's id as it may stand in an address.

    Raises:
        ClientError: ``batch_invalid``.
    """
    try:
        return str(UUID(batch))
    except ValueError:
        sentence = f"{batch!r} is no id of a batch; it looks like 1b4e28ba-2fa1-11d2-883f-0016d3cca427."
        raise ClientError("batch_invalid", sentence) from None
