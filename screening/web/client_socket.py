"""A client's connection, on which a slow client can block neither a thread for long nor the main loop."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from io import BufferedIOBase

from screening.config import web

BLOCK = 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class SlowClientError(OSError):
    """A client sends or receives too slowly. gunicorn does not log this error number."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EPIPE, message)


@dataclass
class Pace:
    """The time spent waiting for one client, compared with the bytes it sent or received.

    Attributes:
        grace: seconds of waiting that are always allowed.
        lowest_speed: bytes per second; each byte allows ``1 / lowest_speed`` seconds more.
        idle: seconds that one wait may take at most.
    """

    grace: float = web.GRACE_SECONDS
    lowest_speed: float = web.MIN_SPEED
    idle: float = web.IDLE_SECONDS
    waited: float = 0.0
    moved: int = 0

    def allowance(self) -> float:
        """Return the seconds that the next wait may take, above 0.

        Raises:
            SlowClientError: when none are left.
        """
        left = self.grace + self.moved / self.lowest_speed - self.waited
        if left <= 0:
            raise SlowClientError(f"{self.moved} bytes in {self.waited:.0f} seconds")
        return min(left, self.idle)

    def count(self, moved: int, waited: float) -> None:
        """Add bytes and the seconds that they took."""
        self.moved += moved
        self.waited += waited


class OutputBudget:
    """The memory for answers not yet sent, shared by all connections of a process."""

    def __init__(self, size: int = web.OUTPUT_BUFFER) -> None:
        self._left = size
        self._lock = threading.Lock()

    def reserve(self, size: int) -> bool:
        """Reserve ``size`` bytes; return whether they were available."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def release(self, size: int) -> None:
        """Release reserved bytes."""
        with self._lock:
            self._left += size


class ClientSocket(socket.socket):
    """An accepted connection whose reads in a thread have a lowest speed, and whose writes are buffered.

    In non-blocking mode (the main loop's) ``recv`` is the plain one. One thread uses an object at a time.

    Args:
        accepted: what ``accept`` returned; this object takes over its file descriptor.
        budget: the process's memory for answers.
    """

    def __init__(self, accepted: socket.socket, budget: OutputBudget) -> None:
        super().__init__(fileno=accepted.detach())
        self._budget = budget
        self._pending: deque[memoryview] = deque()
        self._pending_size = 0
        self.start_request()

    def start_request(self) -> None:
        """Start the clocks of a new request."""
        self.reading, self.writing = Pace(), Pace()
        self.continue_is_due = False  # the client waits for "100 Continue" before it sends its body

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return up to ``size`` bytes.

        Raises:
            SlowClientError: in blocking mode, when the sender is too slow.
            OSError: as the system's.
        """
        limit = self.gettimeout()
        if limit == 0:
            return super().recv(size, flags)
        if self.continue_is_due:
            self.continue_is_due = False
            self.sendall(CONTINUE)
        allowance = self.reading.allowance()
        started = time.monotonic()
        self.settimeout(allowance if limit is None else min(limit, allowance))
        try:
            data = super().recv(size, flags)
        except TimeoutError as error:
            raise SlowClientError(f"no byte for {time.monotonic() - started:.0f} seconds") from error
        finally:
            self.settimeout(limit)
        self.reading.count(len(data), time.monotonic() - started)
        return data

    def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:  # type: ignore[override]
        """Send all bytes, or buffer those that the client does not accept now for :meth:`flush`.

        Beyond the process's budget it waits for the client.

        Raises:
            SlowClientError: when that takes too long.
            OSError: as the system's.
        """
        rest = memoryview(data)
        if not self._pending:
            rest = rest[self._send_some(rest) :]
        if not rest:
            return
        if self._pending_size + len(rest) <= web.CONNECTION_OUTPUT_BUFFER and self._budget.reserve(len(rest)):
            self._pending.append(memoryview(bytes(rest)))
            self._pending_size += len(rest)
            return
        while self._pending:
            self._send_first(self._send_waiting(self._pending[0]))
        while rest:
            rest = rest[self._send_waiting(rest) :]

    def sendfile(self, file: BufferedIOBase, offset: int = 0, count: int | None = None) -> int:  # type: ignore[override]
        """Send a file from ``offset`` on, ``count`` bytes or to its end; return how many were sent."""
        file.seek(offset)
        sent = 0
        while block := file.read(BLOCK if count is None else min(BLOCK, count - sent)):
            self.sendall(block)
            sent += len(block)
        return sent

    def flush(self) -> bool:
        """Send buffered bytes without waiting; return whether none are left.

        Raises:
            OSError: as the system's.
        """
        while self._pending:
            sent = self._send_some(self._pending[0])
            if not sent:
                return False
            self.writing.count(sent, 0.0)
            self._send_first(sent)
        return True

    def close(self) -> None:
        """Close the connection and release the memory of the unsent bytes."""
        self._budget.release(self._pending_size)
        self._pending_size = 0
        self._pending.clear()
        super().close()

    def _send_first(self, sent: int) -> None:
        """Remove the ``sent`` bytes from the first buffered block."""
        self._budget.release(sent)
        self._pending_size -= sent
        block = self._pending.popleft()[sent:]
        if block:
            self._pending.appendleft(block)

    def _send_some(self, data: memoryview) -> int:
        try:
            return super().send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _send_waiting(self, data: memoryview) -> int:
        started = time.monotonic()
        limit = self.gettimeout()
        self.settimeout(self.writing.allowance())
        try:
            sent = super().send(data)
        except TimeoutError as error:
            raise SlowClientError(f"took no byte for {time.monotonic() - started:.0f} seconds") from error
        finally:
            self.settimeout(limit)
        self.writing.count(sent, time.monotonic() - started)
        return sent
