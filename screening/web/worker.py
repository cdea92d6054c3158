"""A gunicorn worker that slow clients cannot block.

gunicorn's own threaded worker gives a connection a thread as soon as its first byte arrives, and keeps the thread
until the last byte of the answer has left: as many slow clients as there are threads stop the site. Here the main
loop waits for the header and for small bodies, and for clients that take their answers slowly; a thread gets a
request that is complete. Only uploads read their body in a thread, because the sender is identified before the
first byte of the body is read. They have a share of the threads and a minimum speed.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from screening.config import web
from screening.web.client_socket import ClientSocket, OutputBudget, SlowClientError
from screening.web.reception import Reception, State
from screening.web.refusals import HEADER_TOO_LARGE, REQUEST_TOO_SLOW, SERVER_BUSY, liveness_answer

# Errors of accept() if a client has disconnected already, or if no more files can be opened.
ACCEPT_ERRNOS = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE}
CHECK_SECONDS = 0.5  # seconds between two checks for connections that waited too long
READ_SIZE = 64 * 1024
DRAIN_SECONDS = 0.2  # for the rest of a body that the application did not read
OPEN_FILES = 4096


@dataclass
class WatchedConnection:
    """A connection that the main loop watches, with its deadline and the action after it."""

    deadline: float
    expired: Callable[[], None]
    polled: bool


class BufferedThreadWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, with slow reading and writing moved into its main loop."""

    def init_process(self) -> None:
        """Prepare the tables of connections, then run as gunicorn's own worker does."""
        _raise_file_limit()
        self._budget = OutputBudget()
        self._waits: dict[TConn, WatchedConnection] = {}
        self._receptions: dict[TConn, Reception] = {}  # in the order they began
        self._uploads: set[TConn] = set()
        self._queued_uploads: deque[TConn] = deque()
        self._next_check = 0.0
        super().init_process()

    # --- new connections

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and wait for its first request."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in ACCEPT_ERRNOS:
                raise
            return
        if self.nr_conns >= self.worker_connections - 1:
            self._drop_oldest()
        self.nr_conns += 1
        conn = TConn(self.cfg, ClientSocket(accepted, self._budget), address, listener.getsockname())
        self._receive(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Wait for the next request of a connection that was kept open."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._receive(conn)

    def _drop_oldest(self) -> None:
        """Make room for a new connection: end the unfinished request that has waited longest."""
        if self._receptions:
            self._expire_reception(next(iter(self._receptions)))

    def _receive(self, conn: TConn, received: bytes = b"") -> None:
        reception = self._receptions[conn] = Reception(received)
        conn.sock.setblocking(False)
        expired = partial(self._expire_reception, conn)
        self._wait(conn, web.REQUEST_SECONDS, expired, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if reception.state is not State.INCOMPLETE:
            self._received(conn, reception)

    def _on_bytes(self, conn: TConn, _sock: socket.socket) -> None:
        reception = self._receptions.get(conn)
        if reception is None:  # it was ended for a new connection in the same poll of the sockets
            return
        try:
            data = conn.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(conn)
            return
        reception.add(data)
        if reception.state is not State.INCOMPLETE:
            self._received(conn, reception)

    def _received(self, conn: TConn, reception: Reception) -> None:
        self._stop_waiting(conn)
        if reception.state is State.TOO_LARGE:
            self._reply(conn, HEADER_TOO_LARGE.response())
            return
        if reception.is_liveness_probe:
            self._reply(conn, liveness_answer(head=reception.data.startswith(b"HEAD")))
            return
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(bytes(reception.data))
        conn.initialized = conn.data_ready = True
        conn.sock.start_request()
        if reception.state is State.UPLOAD:
            self._queue_upload(conn)
        else:
            self.enqueue_req(conn)

    # --- uploads

    def _queue_upload(self, conn: TConn) -> None:
        if len(self._uploads) < web.UPLOAD_THREADS:
            self._uploads.add(conn)
            self.enqueue_req(conn)
            return
        self._queued_uploads.append(conn)
        self._wait(conn, web.UPLOAD_QUEUE_SECONDS, partial(self._expire_upload, conn))

    def _next_upload(self) -> None:
        while self._queued_uploads and len(self._uploads) < web.UPLOAD_THREADS:
            conn = self._queued_uploads.popleft()
            self._stop_waiting(conn)
            self._queue_upload(conn)

    def _expire_upload(self, conn: TConn) -> None:
        self._queued_uploads.remove(conn)
        self._reply(conn, SERVER_BUSY.response())

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request in a thread; ``100 Continue`` is sent only when the application reads the body."""
        if req._expected_100_continue:
            req._expected_100_continue = False
            conn.sock.continue_is_due = True
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Return whether the connection can be used again; an unread body is awaited only briefly."""
        if not keepalive or conn.sock.continue_is_due:
            return False
        deadline = time.monotonic() + DRAIN_SECONDS
        try:
            return bool(conn.parser.finish_body(deadline, 2 * web.SMALL_BODY))
        except Exception:  # a malformed body; a second answer would be read as that of the next request
            return False

    # --- answers

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Send the rest of a thread's answer, then wait for the next request or close."""
        if conn in self._uploads:
            self._uploads.remove(conn)
            self._next_upload()
        try:
            keep = bool(not fs.cancelled() and fs.result())
            conn.sock.setblocking(False)
        except Exception:  # as gunicorn: the connection is in no known state
            self._close(conn)
            return
        self._send_rest(conn, keep)

    def _send_rest(self, conn: TConn, keep: bool, waiting_since: float | None = None) -> None:
        """Send what the client accepts now; ``waiting_since`` is when the last wait began."""
        self._stop_waiting(conn)
        try:
            if conn.sock.flush():
                self._answered(conn, keep)
                return
            if waiting_since is not None:
                conn.sock.writing.count(0, time.monotonic() - waiting_since)
            allowance = conn.sock.writing.allowance()
        except (SlowClientError, OSError):
            self._close(conn)
            return
        again = partial(self._send_rest, conn, keep, time.monotonic())
        self._wait(conn, allowance, partial(self._close, conn), selectors.EVENT_WRITE, lambda _sock: again())

    def _answered(self, conn: TConn, keep: bool) -> None:
        if not keep:
            self._linger(conn)
        elif early := conn.parser.unreader.take_buffered():
            self._receive(conn, early)
        else:
            self._keep_alive(conn)

    def _keep_alive(self, conn: TConn) -> None:
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def _reply(self, conn: TConn, response: bytes) -> None:
        """Answer without a thread, then close."""
        try:
            conn.sock.sendall(response)
        except OSError:
            self._close(conn)
            return
        self._send_rest(conn, keep=False)

    # --- end of a connection

    def _linger(self, conn: TConn) -> None:
        """Close the sending side and read the rest, so that no reset destroys the answer (RFC 9112, section 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        drop = partial(self._drop_bytes, conn, [web.MAX_LINGER])
        self._wait(conn, web.LINGER_SECONDS, partial(self._close, conn), selectors.EVENT_READ, drop)

    def _drop_bytes(self, conn: TConn, left: list[int], _sock: socket.socket) -> None:
        try:
            read = len(conn.sock.recv(READ_SIZE))
        except BlockingIOError:
            return
        except OSError:
            read = 0
        left[0] -= read
        if not read or left[0] <= 0:
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        self._stop_waiting(conn)
        self.nr_conns -= 1
        conn.close()

    # --- waits of the main loop

    def _wait(
        self,
        conn: TConn,
        seconds: float,
        expired: Callable[[], None],
        events: int = 0,
        ready: Callable[[socket.socket], None] | None = None,
    ) -> None:
        if events:
            self.poller.register(conn.sock, events, ready)
        self._waits[conn] = WatchedConnection(time.monotonic() + seconds, expired, polled=bool(events))

    def _stop_waiting(self, conn: TConn) -> None:
        self._receptions.pop(conn, None)
        wait = self._waits.pop(conn, None)
        if wait is not None and wait.polled:
            self.poller.unregister(conn.sock)

    def _expire_reception(self, conn: TConn) -> None:
        reception = self._receptions[conn]
        self._stop_waiting(conn)
        if reception.data:
            self._reply(conn, REQUEST_TOO_SLOW.response())
        else:
            self._close(conn)

    def murder_pending(self) -> None:
        """End the waits that took too long; gunicorn calls this after every poll of its sockets."""
        now = time.monotonic()
        if now < self._next_check and self.alive:
            return
        self._next_check = now + CHECK_SECONDS
        for wait in [wait for wait in self._waits.values() if wait.deadline <= now]:
            wait.expired()
        if not self.alive:  # a connection without a request must not hold up a stop
            for conn in [conn for conn, reception in self._receptions.items() if not reception.data]:
                self._close(conn)


def _raise_file_limit() -> None:
    """Allow more open files than the usual 1,024: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
