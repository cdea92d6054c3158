"""gunicorn with our worker around a small application, its waits shortened so that a test sees them end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONFIG = """
from screening.config import web
for name, value in {changes}.items():
    setattr(web, name, value)
from screening.web.gunicorn_config import *
wsgi_app = "tests.screening.web.application:application"
workers, threads = 1, web.THREADS
bind = "127.0.0.1:{port}"
"""


@contextmanager
def running_server(folder: Path, **changes: float) -> Iterator[int]:
    """Run the server with changed settings of :mod:`screening.config.web`; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "gunicorn_settings.py"
    config.write_text(CONFIG.format(changes=changes, port=port))
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "gunicorn", "-c", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log)
        try:
            _await(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(30)
    text = (folder / "log").read_text()
    assert "Traceback" not in text, text


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server does not start"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not listen")


def connect(port: int, window: int = 0) -> socket.socket:
    """Open a connection; with ``window`` its receive buffer is that small."""
    client = socket.socket()
    if window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    return client


def answer(client: socket.socket) -> bytes:
    """Return everything until the server closes, without a reset."""
    data = b""
    while block := client.recv(65536):
        data += block
    return data


def request(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a request that ends its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body
