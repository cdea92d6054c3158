"""What a run remembers of its batch, so that the same command goes on with it after a crash.

A line for the batch, then one for each file that the server has answered for. No name of a file is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TextIO

from xrayscreen.errors import ClientError

try:
    import fcntl
except ImportError:  # Windows: two runs of the same command at once are not noticed there
    fcntl = None  # type: ignore[assignment]

ENTRY = re.compile(r"([0-9a-f]{32}) ([0-9a-f]{64})\n")


class Memory:
    """The memory of one command. Use :func:`opened`."""

    def __init__(self, file: TextIO, command: str) -> None:
        self._file = file
        self._command = command
        self._lock = Lock()
        self._answered: set[tuple[str, str]] = set()
        self._names: set[str] = set()
        self.batch = self._read()

    def start(self, batch: str) -> None:
        """Forget everything and remember a batch."""
        self.forget()
        self.batch = batch
        self._write(json.dumps({"batch": batch, "command": self._command}) + "\n")

    def note(self, name: str, sha256: str) -> None:
        """Remember that the server has answered for a file. Safe from several threads."""
        entry = (_short(name), sha256)
        with self._lock:
            if entry not in self._answered:
                self._answered.add(entry)
                self._names.add(entry[0])
                self._write(f"{entry[0]} {sha256}\n")

    def has(self, name: str, sha256: str) -> bool:
        """Whether the server has answered for this file."""
        return (_short(name), sha256) in self._answered

    def has_name(self, name: str) -> bool:
        """Whether the server has answered for a file of this name."""
        return _short(name) in self._names

    def forget(self) -> None:
        """Remember nothing any more."""
        self.batch = ""
        self._answered.clear()
        self._names.clear()
        self._file.seek(0)
        self._file.truncate()

    def _read(self) -> str:
        self._file.seek(0)
        try:
            head = json.loads(self._file.readline())
            batch, command = str(head["batch"]), str(head["command"])
        except (ValueError, KeyError, TypeError):  # nothing, or what a crash left of a first line
            return ""
        if command != self._command:
            sentence = f"{self._file.name} remembers the batch of another command; name another file with --state."
            raise ClientError("state_of_another", sentence)
        whole = self._file.tell()
        while entry := ENTRY.fullmatch(self._file.readline()):
            self._answered.add((entry[1], entry[2]))
            self._names.add(entry[1])
            whole = self._file.tell()
        self._file.seek(whole)
        self._file.truncate()  # half a line that a crash left
        return batch

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()


@contextmanager
def opened(path: Path, command: str) -> Iterator[Memory]:
    """The memory in a file, made where missing and removed at the end where nothing is left to remember.

    Args:
        path: the file.
        command: whose memory it is, see :func:`name_of`.

    Raises:
        ClientError: ``already_running``, ``state_of_another`` or ``state_unwritable``.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(path, "r+", encoding="ascii", errors="replace", opener=_private)  # noqa: SIM115  # closed below
    except OSError as error:
        sentence = f"{path} cannot be written ({error.strerror}); name another file with --state."
        raise ClientError("state_unwritable", sentence) from error
    with file:
        _lock(file)
        memory = Memory(file, command)
        try:
            yield memory
        finally:
            if not memory.batch:
                path.unlink(missing_ok=True)


def default_path(command: str) -> Path:
    """Where the memory of a command lies (XDG base directories)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return folder / "xrayscreen" / f"{command}.state"


def name_of(given: Sequence[object]) -> str:
    """What a command is known by: a digest of what it was given."""
    return _short(json.dumps([str(one) for one in given]))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _lock(file: TextIO) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        sentence = "The same command is running already; wait for it, or end it first."
        raise ClientError("already_running", sentence) from error
