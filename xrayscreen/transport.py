"""One request to the server, repeated while that may help and can do no harm."""

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

from xrayscreen.errors import ClientError, StoppedError
from xrayscreen.upload import Body

CONNECT_SECONDS = 10
SILENT_SECONDS = 60  # without a byte from the server
RETRIED = frozenset({408, 429, 502, 503, 504})
NOT_TAKEN = frozenset({408, 429, 503})  # the server says that it has not even tried
UNREACHED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)

BodyMaker = Callable[[], AbstractContextManager[Body]]


@dataclass(frozen=True)
class Retry:
    """How often and after which pauses a request is repeated.

    The pause is drawn from 0 to a limit that doubles each time ("full jitter"), so that many clients do not come back
    at once; where the server names a time (``Retry-After``, RFC 9110, 10.2.3), it is not shorter.

    Attributes:
        times: repetitions after the first attempt.
        first: seconds, the first limit.
        longest: seconds, the last limit.
        patience: seconds; a server that asks for a longer pause is not waited for.
    """

    times: int = 8
    first: float = 0.25
    longest: float = 20.0
    patience: float = 300.0

    def pause(self, attempt: int, asked: float) -> float:
        """Seconds to wait after an attempt, counted from 0, when the server asked for ``asked`` seconds."""
        return asked + random.uniform(0, min(self.longest, self.first * 2**attempt))


class Transport:
    """Requests to one server with one token. Safe to use from several threads."""

    def __init__(self, server: str, token: str, retry: Retry) -> None:
        parts = urlsplit(server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ClientError("server_invalid", f"{server!r} is no address; write it as https://example.org.")
        self.server = server.rstrip("/")
        self._root = f"{self.server}/api/v1"
        self.auth = _Token(token)
        self._retry = retry
        self._threads = threading.local()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The answer to a request as JSON, see :meth:`request`.

        Raises:
            ClientError: ``no_api`` besides those.
        """
        response = self.request(method, path, **options)
        try:
            return response.json()
        except ValueError as error:
            sentence = f"{self.server} answers, but not as this system does; check the address."
            raise ClientError("no_api", sentence, response.status_code) from error

    def request(
        self, method: str, path: str, *, repeatable: bool = True, stop: threading.Event | None = None, **options: Any
    ) -> requests.Response:
        """Send a request until it is answered.

        Args:
            method: of HTTP.
            path: below ``/api/v1``.
            repeatable: whether a request that may have been carried out can be sent again without harm.
            stop: gives up where it is set.
            options: of ``requests``, and ``body``, which makes a body to be streamed.

        Raises:
            ClientError: the server's refusal, or ``unreachable``.
            FileError: a file of the body cannot be read.
            StoppedError: ``stop`` was set.
        """
        stop = stop or threading.Event()
        attempt = 0
        while True:
            asked = 0.0
            try:
                response = self._once(method, path, repeatable, **options)
            except UNREACHED as error:
                problem, unheard = self._unreached(error, repeatable), _never_arrived(error)
            except requests.RequestException as error:
                raise ClientError("unreachable", f"{self.server} cannot be asked: {error}.") from error
            else:
                if response.ok and not response.is_redirect:
                    return response
                problem, unheard = refusal(response), response.status_code in NOT_TAKEN
                asked = retry_after(response)
                if response.status_code not in RETRIED or asked > self._retry.patience:
                    raise problem
            if attempt >= self._retry.times or not (repeatable or unheard):
                raise problem
            if stop.wait(self._retry.pause(attempt, asked)):
                raise StoppedError
            attempt += 1

    def _once(
        self, method: str, path: str, repeatable: bool, body: BodyMaker | None = None, **options: Any
    ) -> requests.Response:
        # What must not be sent twice does not go over a connection that the server may just be closing.
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
        """One a thread: connections stay open from file to file."""
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
            return ClientError("unreachable", f"{self.server} shows no valid certificate: {error}.")
        sentence = f"{self.server} does not answer."
        if not repeatable and not _never_arrived(error):
            sentence += " It may have done what was asked: look at its list of batches before you try again."
        return ClientError("unreachable", sentence)


class _Token(AuthBase):
    """The token as a header. Set here and not as a header, which an entry in ~/.netrc would replace."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


def refusal(response: requests.Response) -> ClientError:
    """What the server said when it did not do what was asked."""
    status = response.status_code
    if response.is_redirect:
        return ClientError(
            "moved", f"The server sends us on to {response.headers['Location']}; name that one.", status
        )
    try:
        body = response.json()
        return ClientError(str(body["code"]), _sentence(body), status)
    except (ValueError, KeyError, TypeError):
        return ClientError("error", f"The server answered {status} {response.reason}.", status)


def retry_after(response: requests.Response) -> float:
    """Seconds the server wants to be left alone, 0 where it names none it can be held to (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _sentence(body: dict[str, Any]) -> str:
    fields = body.get("fields") or {}
    wrong = [f"{name}: {' '.join(map(str, why))}" for name, why in fields.items() if isinstance(why, list)]
    return " ".join([str(body["detail"]), *wrong])


def _never_arrived(error: Exception) -> bool:
    """Whether the server cannot have seen the request."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
