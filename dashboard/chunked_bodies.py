"""Bodies without a declared length (``Transfer-Encoding: chunked``), which Django does not read."""

from __future__ import annotations

from typing import Any, Protocol

from django.http import HttpRequest, UnreadablePostError

from screening.errors import ScreeningError


class Body(Protocol):
    """The body of a request, as the web server provides it."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next bytes."""

    def readline(self, size: int = ..., /) -> bytes:
        """Return the next line."""


class LimitedBody:
    """A body that ends where the web server says, and is refused when it grows beyond a limit.

    Args:
        body: the body.
        limit: bytes that it may have.
        refusal: raised when there are more.
    """

    def __init__(self, body: Body, limit: int, refusal: ScreeningError) -> None:
        self._body, self._left, self._refusal = body, limit, refusal

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, or all that are left.

        Raises:
            ScreeningError: there are more bytes than allowed.
            UnreadablePostError: the body breaks off, or its chunks are malformed.
        """
        return self._count(self._body.read, size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line; raises as :meth:`read`."""
        return self._count(self._body.readline, size)

    def close(self) -> None:
        """Do nothing: the body belongs to the web server."""

    def _count(self, read: Any, size: int | None) -> bytes:
        most = self._left + 1  # one more shows that there are more
        wanted = most if size is None or size < 0 else min(size, most)
        try:
            data: bytes = read(wanted)
        except Exception as error:  # gunicorn's errors of a malformed body have no common class of their own
            raise UnreadablePostError(str(error)) from error
        self._left -= len(data)
        if self._left < 0:
            raise self._refusal
        return data


def is_chunked(request: HttpRequest) -> bool:
    """Return whether a request has a body of undeclared length, whose end the web server knows."""
    meta = request.META
    return (
        not meta.get("CONTENT_LENGTH")
        and "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower()
        and bool(meta.get("wsgi.input_terminated"))
    )


def allow_body(request: HttpRequest, limit: int, refusal: ScreeningError) -> None:
    """Let Django read a chunked body of up to ``limit`` bytes; ``refusal`` is raised when there are more.

    Django takes a body without a length for an empty one, so the limit is declared as its length.
    """
    request.META["CONTENT_LENGTH"] = str(limit)
    request._stream = LimitedBody(request.META["wsgi.input"], limit, refusal)  # type: ignore[assignment]  # what Django uses of it
