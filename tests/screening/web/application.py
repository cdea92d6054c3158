"""A WSGI application that reads, ignores, echoes and streams, as the path says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

MIB = 1024 * 1024


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    path = environ["PATH_INFO"]
    if path == "/echo":
        body = environ["wsgi.input"].read()
    elif path == "/large":
        body = bytes(2 * MIB)
    elif path == "/stream":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (bytes(MIB) for _ in range(32))
    else:
        body = b"hello"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
