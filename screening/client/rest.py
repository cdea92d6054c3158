"""A small client of the REST interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PARALLEL_UPLOADS = 4
RETRIES = 5
FIRST_PAUSE = 0.2  # seconds; doubled at each retry
POLL_SECONDS = 0.25
TIMEOUT = 60  # seconds without a byte from the server
RETRIED_STATUSES = frozenset({502, 503, 504})

Film = dict[str, Any]
Status = dict[str, Any]


class ClientError(Exception):
    """The server refused, or could not be reached.

    Attributes:
        code: the server's stable code, or ``unreachable``.
        sentence: what is wrong.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Upload:
    """A file to be sent: its name, and where its bytes come from."""

    name: str
    source: bytes | Path

    def data(self) -> bytes:
        """The bytes, read when they are needed."""
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source


class Client:
    """Talks to one server as one user. Safe to use from several threads."""

    def __init__(self, base_url: str, token: str) -> None:
        self._root = f"{base_url.rstrip('/')}/api/v1"
        self._headers = {"Authorization": f"Token {token}"}

    def create_batch(self, name: str, model: str | None = None) -> str:
        """Open a batch; returns its id."""
        body = {"name": name, **({"model": model} if model else {})}
        return str(self._call("POST", "/batches", json=body)["id"])

    def add(self, batch: str, upload: Upload) -> Film:
        """Send one file. Safe to repeat: the server knows a file it has."""
        files = {"file": (upload.name, upload.data())}
        film: Film = self._call("POST", f"/batches/{batch}/files", files=files)[0]
        return film

    def add_all(self, batch: str, uploads: Sequence[Upload], done: Callable[[Film], object]) -> None:
        """Send files, four at a time; ``done`` is called for each as it is answered."""
        with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
            for film in pool.map(lambda upload: self.add(batch, upload), uploads):
                done(film)

    def submit(self, batch: str) -> Status:
        """Hand the batch to the workers."""
        status: Status = self._call("POST", f"/batches/{batch}/submit")
        return status

    def status(self, batch: str) -> Status:
        """State and counts."""
        status: Status = self._call("GET", f"/batches/{batch}")
        return status

    def wait(self, batch: str, seen: Callable[[Status], object], timeout: float) -> Status:
        """Poll until the batch is final; ``seen`` is called with every answer.

        Raises:
            ClientError: ``timeout`` after that many seconds without an end.
        """
        deadline = time.monotonic() + timeout
        while True:
            status = self.status(batch)
            seen(status)
            if status["state"] in {"done", "cancelled"}:
                return status
            if time.monotonic() > deadline:
                raise ClientError("timeout", f"The batch is not finished after {timeout:.0f} seconds.")
            time.sleep(POLL_SECONDS)

    def films(self, batch: str) -> Iterator[Film]:
        """Every film of a batch, in the order they were sent."""
        page = 1
        while True:
            answer = self._call("GET", f"/batches/{batch}/films", params={"page": page, "page_size": 1000})
            yield from answer["results"]
            if not answer["next"]:
                return
            page += 1

    def csv(self, batch: str) -> Iterable[bytes]:
        """The batch's CSV export, in pieces."""
        return self._request("GET", f"/batches/{batch}/export.csv", stream=True).iter_content(65536)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._request(method, path, **options).json()

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        pause = FIRST_PAUSE
        for attempt in range(RETRIES + 1):
            try:
                response = requests.request(
                    method, self._root + path, headers=self._headers, timeout=TIMEOUT, **options
                )
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if attempt == RETRIES:
                    raise ClientError("unreachable", f"{self._root} does not answer.") from error
            else:
                if response.ok:
                    return response
                if response.status_code not in RETRIED_STATUSES or attempt == RETRIES:
                    raise _refusal(response)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")


def _refusal(response: requests.Response) -> ClientError:
    try:
        body = response.json()
        return ClientError(str(body["code"]), str(body["detail"]))
    except (ValueError, KeyError, TypeError):
        return ClientError("error", f"The server answered {response.status_code} {response.reason}.")
