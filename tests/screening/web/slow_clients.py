"""Clients that send a byte now and then, or take none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from tests.screening.web.server import connect

PAUSE = 0.5  # seconds between two bytes


@contextmanager
def slow_clients(port: int, count: int, start: bytes, window: int = 0) -> Iterator[Sequence[socket.socket]]:
    """Open connections that begin so and then send a byte at a time, until the block ends."""
    over = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(port, window)) for _ in range(count)]
        for client in clients:
            client.sendall(start)
        dribbler = threading.Thread(target=_dribble, args=(clients, over))
        dribbler.start()
        try:
            yield clients
        finally:
            over.set()
            dribbler.join()


def _dribble(clients: Sequence[socket.socket], over: threading.Event) -> None:
    while not over.wait(PAUSE):
        for client in clients:
            with suppress(OSError):  # the server has had enough of it
                client.send(b"x", socket.MSG_DONTWAIT)
