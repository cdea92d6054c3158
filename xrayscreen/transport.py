"""Requests to the server, repeated while that is useful and safe."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from xrayscreen import codes
from xrayscreen.errors import ClientError, RefusedError, StoppedError
from xrayscreen.upload import Body

CONNECT_SECONDS = 10
SILENT_SECONDS = 60  # without a byte from the server
RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})
NOT_PROCESSED = frozenset({408, 429, 503})  # the server has not processed the request
UNREACHABLE_ERRORS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)

BodyMaker = Callable[[], AbstractContextManager[Body]]


@dataclass(frozen=True)
class Retry:
    """The number of repetitions of a request and the pauses between them.

    A pause is random between 0 and a limit that doubles each time ("full jitter"), so that many clients do not return
    at once. The time that the server names (``Retry-After``, RFC 9110, 10.2.3) is added to it.

    Attributes:
        times: repetitions after the first attempt.
        first: seconds, the first limit.
        longest: seconds, the last limit.
        patience: seconds; if the server names a longer time, the request fails.
    """

    times: int = 8
    first: float = 0.25
    longest: float = 20.0
    patience: float = 300.0

    def pause(self, attempt: int, asked: float) -> float:
        """Return the seconds to wait after an attempt (counted from 0); ``asked`` is the server's ``Retry-After``."""
        return asked + random.uniform(0, min(self.longest, self.first * 2**attempt))


class Transport:
    """Requests to one server with one token. Safe to use from several threads."""

    def __init__(self, server: str, token: str, retry: Retry) -> None:
        parts = urlsplit(server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ClientError(codes.SERVER_INVALID, server=server)
        self.server = server.rstrip("/")
        self._root = f"{self.server}/api/v1"
        self.auth = _Token(token)
        self._retry = retry
        self._threads = threading.local()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer to a request as JSON, see :meth:`request`.

        Raises:
            ClientError: also ``no_api``.
        """
        response = self.request(method, path, **options)
        try:
            return response.json()
        except ValueError as error:
            raise ClientError(codes.NO_API, status=response.status_code, server=self.server) from error

    def request(
        self, method: str, path: str, *, repeatable: bool = True, stop: threading.Event | None = None, **options: Any
    ) -> requests.Response:
        """Send a request until it is answered.

        Args:
            method: HTTP method.
            path: below ``/api/v1``.
            repeatable: whether the request may be sent again if it may have been processed.
            stop: ends the attempts when it is set.
            options: of ``requests``, and ``body``, which creates a body to be streamed.

        Raises:
            ClientError: the server's refusal, or ``unreachable``.
            FileError: a file of the body cannot be read.
            StoppedError: ``stop`` is set.
        """
        stop = stop or threading.Event()
        attempt = 0
        while True:
            asked = 0.0
            try:
                response = self._once(method, path, repeatable, **options)
            except UNREACHABLE_ERRORS as error:
                problem, unheard = self._unreached(error, repeatable), _was_not_received(error)
            except requests.RequestException as error:
                raise ClientError(codes.NOT_ASKED, server=self.server, error=error) from error
            else:
                if response.ok and not response.is_redirect:
                    return response
                problem, unheard = error_of(response), response.status_code in NOT_PROCESSED
                asked = read_retry_after(response)
                if response.status_code not in RETRIED_STATUSES or asked > self._retry.patience:
                    raise problem
            if attempt >= self._retry.times or not (repeatable or unheard):
                raise problem
            if stop.wait(self._retry.pause(attempt, asked)):
                raise StoppedError
            attempt += 1

    def _once(
        self, method: str, path: str, repeatable: bool, body: BodyMaker | None = None, **options: Any
    ) -> requests.Response:
        # A request that must not be repeated gets a new connection, since the server may just be closing the old one.
        session = self._session() if repeatable else self._new_session()
        options = {"timeout": (CONNECT_SECONDS, SILENT_SECONDS), "allow_redirects": False, **options}
        with body() if body else contextlib.nullcontext() as data:
            if data is not None:
                options |= {"data": data, "headers": {"Content-Type": data.content_type}}
            response = session.request(method, self._root + path, **options)
            if data is not None and not response.ok:
                data.take_back()
            return response

    def _session(self) -> requests.Session:
        """Return the thread's session, so that connections stay open from file to file."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.auth = self.auth
        return session

    def _unreached(self, error: Exception, repeatable: bool) -> ClientError:
        if isinstance(error, requests.exceptions.SSLError):
            return ClientError(codes.NO_CERTIFICATE, server=self.server, error=error)
        if not repeatable and not _was_not_received(error):
            return ClientError(codes.MAY_BE_DONE, server=self.server)
        return ClientError(codes.UNREACHABLE, server=self.server)


class _Token(AuthBase):
    """Authentication by a token; a plain header would be replaced by an entry in ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


def error_of(response: requests.Response) -> ClientError:
    """Return the error that a refusing answer of the server describes."""
    status = response.status_code
    if response.is_redirect:
        return ClientError(codes.MOVED, status=status, address=response.headers["Location"])
    try:
        body = response.json()
        return RefusedError(str(body["code"]), _detail(body), status)
    except (ValueError, KeyError, TypeError):
        return ClientError(codes.ERROR, status=status, answer=f"{status} {response.reason}")


def read_retry_after(response: requests.Response) -> float:
    """Return the seconds of ``Retry-After``, or 0 if it is missing or invalid (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _detail(body: dict[str, Any]) -> str:
    fields = body.get("fields") or {}
    wrong = [f"{name}: {' '.join(map(str, why))}" for name, why in fields.items() if isinstance(why, list)]
    return " ".join([str(body["detail"]), *wrong])


def _was_not_received(error: Exception) -> bool:
    """Return whether the server cannot have received the request."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
