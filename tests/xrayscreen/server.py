"""A small server that keeps batches in memory and fails the way networks and servers do."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

TOKEN = "xray_test"
NOTICE = "Not a diagnostic device."


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: answered instead of what was asked for.
        headers: of that answer.
        cut: the connection is closed instead of an answer.
        carried_out: but what was asked for is done first.
        on: only requests whose path ends so.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    carried_out: bool = False
    on: str = ""


@dataclass
class Sent:
    """A file that arrived."""

    id: str
    file: str
    sha256: str
    state: str
    code: str = ""
    reason: str = ""

    def row(self) -> dict[str, Any]:
        return {**vars(self), "score": None, "decision": "", "flags": [], "synthetic": False}


class Server(ThreadingHTTPServer):
    """Batches by id, faults still to come, and requests that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.films: dict[str, list[Sent]] = {}
        self.names: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.faults: deque[Fault] = deque()
        self.asked: list[tuple[str, str]] = []
        self.knows_missing = True
        self.lock = threading.Lock()
        self.arriving: Callable[[str], object] = id

    def handle_error(self, *_: Any) -> None:
        """Connections that break are the point here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, ending: str) -> int:
        return sum(path.endswith(ending) for _, path in self.asked)

    def fault_for(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if path.endswith(fault.on):
                    self.faults.remove(fault)
                    return fault
        return None

    def take(self, batch: str, name: str, data: bytes) -> Sent:
        """By the same rules as the real door: one row for a file of one content and name; copies are refused."""
        self.arriving(name)
        sha256 = hashlib.sha256(data).hexdigest()
        with self.lock:
            same = [one for one in self.films[batch] if one.sha256 == sha256]
            known = next((one for one in same if one.file == name), None)
            if known is None:
                known = Sent(str(uuid.uuid4()), name, sha256, "queued")
                if same or name.endswith(".txt"):
                    known.state, known.code, known.reason = "rejected", "duplicate" if same else "not_a_film", "Why."
                self.films[batch].append(known)
            return known

    def submit(self, batch: str) -> dict[str, Any]:
        """Everything is screened at once."""
        for one in self.films[batch]:
            one.state = "done" if one.state == "queued" else one.state
        self.states[batch] = "done"
        return self.status(batch)

    def status(self, batch: str) -> dict[str, Any]:
        films = self.films[batch]
        counts = {
            state: sum(one.state == state for one in films) for state in ("rejected", "queued", "done", "failed")
        }
        state, finished = self.states[batch], len(films) - counts["queued"]
        progress = {"total": len(films), "finished": finished, "percent": 100 * finished // max(1, len(films)),
                    "states": counts, "decisions": {}, "to_review": 0, "seconds": 1.0,
                    "films_per_second": 1.0}  # fmt: skip
        return {"id": batch, "name": self.names[batch], "state": state, "progress": progress, "notice": NOTICE,
                "cancelled_at": "now" if state == "cancelled" else None}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    @property
    def home(self) -> Server:
        return cast(Server, self.server)

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def _handle(self, method: str) -> None:
        path = self.path.split("?")[0].removeprefix("/api/v1")
        self.home.asked.append((method, path))
        fault = self.home.fault_for(path)
        if fault and fault.cut and not fault.carried_out:
            return self._cut()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault and not fault.carried_out:
            return self._answer(fault.status, {"code": f"code_{fault.status}", "detail": "Why."}, fault.headers)
        status, answer = self._act(method, path, body)
        if fault and fault.cut:
            return self._cut()
        return self._answer(status, answer, {})

    def _act(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            return 401, {"code": "token_invalid", "detail": "The token is not valid."}
        home, (_, batch, *rest) = self.home, [*path.strip("/").split("/"), "", ""]
        if not batch:
            return self._batches(method, body)
        if batch not in home.films:
            return 404, {"code": "not_found", "detail": "There is no such batch."}
        return self._file(batch, body) if rest[0] == "files" else self._of(batch, rest[0], body)

    def _of(self, batch: str, what: str, body: bytes) -> tuple[int, Any]:
        home = self.home
        match what:
            case "":
                return 200, home.status(batch)
            case "missing" if home.knows_missing:
                have = {one.sha256 for one in home.films[batch]}
                return 200, {"missing": [one for one in json.loads(body)["sha256"] if one not in have]}
            case "submit":
                return 200, home.submit(batch)
            case "films":
                state = self.path.partition("state=")[2]
                rows = [one.row() for one in home.films[batch] if state in {"", one.state}]
                return 200, {"results": rows, "next": None}
            case "export.csv":
                lines = [f"{one.file},{one.state},{NOTICE}" for one in home.films[batch]]
                return 200, "\n".join(["file,state,notice", *lines, ""])
        return 404, "<h1>Not Found</h1>"

    def _batches(self, method: str, body: bytes) -> tuple[int, Any]:
        home = self.home
        if method == "GET":
            return 200, {"results": [{"id": one, "name": home.names[one]} for one in home.films], "next": None}
        batch = str(uuid.uuid4())
        home.films[batch], home.names[batch], home.states[batch] = [], json.loads(body)["name"], "open"
        return 201, home.status(batch)

    def _file(self, batch: str, body: bytes) -> tuple[int, Any]:
        if self.home.states[batch] != "open":
            return 409, {"code": "batch_submitted", "detail": "The batch is submitted already."}
        parts = fields(body, self.headers["Content-Type"])
        return 201, [self.home.take(batch, parts["path"].decode(), parts["file"]).row()]

    def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        """Reset the connection, as a process that is killed does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def fields(body: bytes, content_type: str) -> dict[str, bytes]:
    """The fields of a multipart body, read by Python's own parser."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert not message.defects
    parts = cast("list[Any]", message.get_payload())
    return {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts}


@contextmanager
def running() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
