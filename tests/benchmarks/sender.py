"""The sender's side: the REST interface over connections that stay open, several files a request, several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from tests.benchmarks.films import Film

THREADS = 4
FILES_A_REQUEST = 8
TIMEOUT = 120  # seconds without a byte from the server

Status = dict[str, Any]


class Sender:
    """Talks to the server as one user; safe to use from several threads."""

    def __init__(self, base_url: str, token: str) -> None:
        self._root = f"{base_url}/api/v1"
        self._token = token
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sender")

    def create(self, name: str, model: str) -> str:
        """Open a batch; returns its id."""
        return str(self._call("POST", "/batches", json={"name": name, "model": model})["id"])

    def upload(self, batch: str, films: Sequence[Film]) -> list[str]:
        """Send films; returns their ids in order.

        Raises:
            RuntimeError: when the door refuses one.
        """
        groups = [films[start : start + FILES_A_REQUEST] for start in range(0, len(films), FILES_A_REQUEST)]
        return [film for ids in self._pool.map(lambda group: self._send(batch, group), groups) for film in ids]

    def submit(self, batch: str) -> None:
        """Hand the batch to the workers."""
        self._call("POST", f"/batches/{batch}/submit")

    def cancel(self, batch: str) -> None:
        """Stop what still waits."""
        self._call("POST", f"/batches/{batch}/cancel")

    def status(self, batch: str) -> Status:
        """State and counts."""
        return dict(self._call("GET", f"/batches/{batch}"))

    def film(self, film: str) -> dict[str, Any]:
        """One film."""
        return dict(self._call("GET", f"/films/{film}"))

    def wait(self, batch: str, pause: float, seen: Callable[[Status], object] = id, timeout: float = 7200) -> Status:
        """Poll until the batch is final; ``seen`` is called with every answer."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.status(batch)
            seen(status)
            if status["state"] in {"done", "cancelled"}:
                return status
            time.sleep(pause)
        raise TimeoutError(f"not final after {timeout:.0f} s: {status['progress']['states']}")

    def _send(self, batch: str, films: Sequence[Film]) -> list[str]:
        files = [("file", (film.name, film.data(batch))) for film in films]
        answers: list[dict[str, Any]] = self._call("POST", f"/batches/{batch}/files", files=files)
        refused = [answer for answer in answers if answer["state"] != "queued"]
        if refused:
            raise RuntimeError(f"{refused[0]['file']} was refused: {refused[0]['reason']}")
        return [str(answer["id"]) for answer in answers]

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._session.request(method, self._root + path, timeout=TIMEOUT, **options)
        response.raise_for_status()
        return response.json()

    @property
    def _session(self) -> requests.Session:
        """One a thread. The server closes idle connections, so a request may have to be sent anew."""
        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.headers["Authorization"] = f"Token {self._token}"
            session.mount("http://", HTTPAdapter(max_retries=Retry(3, allowed_methods=None, backoff_factor=0.1)))
            self._local.session = session
        session = self._local.session
        assert isinstance(session, requests.Session)
        return session
