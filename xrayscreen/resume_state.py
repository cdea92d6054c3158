"""The state of an interrupted run, from which the same command resumes.

The file has a line for the batch, then one for each file that the server has answered for. It contains no file names.
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

from xrayscreen import codes
from xrayscreen.errors import ClientError

try:
    import fcntl
except ImportError:  # Windows: two simultaneous runs of the same command are not detected
    fcntl = None  # type: ignore[assignment]

ENTRY = re.compile(r"([0-9a-f]{32}) ([0-9a-f]{64})\n")


class ResumeState:
    """The resume state of one command. Use :func:`open_resume_state`."""

    def __init__(self, file: TextIO, command: str) -> None:
        self._file = file
        self._command = command
        self._lock = Lock()
        self._answered: set[tuple[str, str]] = set()
        self._names: set[str] = set()
        self.batch = self._read()

    def start(self, batch: str) -> None:
        """Clear the state and store a batch."""
        self.forget()
        self.batch = batch
        self._write(json.dumps({"batch": batch, "command": self._command}) + "\n")

    def note(self, name: str, sha256: str) -> None:
        """Store that the server has answered for a file. Safe to call from several threads."""
        entry = (_short_digest(name), sha256)
        with self._lock:
            if entry not in self._answered:
                self._answered.add(entry)
                self._names.add(entry[0])
                self._write(f"{entry[0]} {sha256}\n")

    def has(self, name: str, sha256: str) -> bool:
        """Return whether the server has answered for this file."""
        return (_short_digest(name), sha256) in self._answered

    def has_name(self, name: str) -> bool:
        """Return whether the server has answered for a file of this name."""
        return _short_digest(name) in self._names

    def forget(self) -> None:
        """Clear the state."""
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
        except (ValueError, KeyError, TypeError):  # an empty file, or an incomplete first line after a crash
            return ""
        if command != self._command:
            raise ClientError(codes.STATE_OF_ANOTHER, path=self._file.name)
        whole = self._file.tell()
        while entry := ENTRY.fullmatch(self._file.readline()):
            self._answered.add((entry[1], entry[2]))
            self._names.add(entry[1])
            whole = self._file.tell()
        self._file.seek(whole)
        self._file.truncate()  # an incomplete line after a crash
        return batch

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()


@contextmanager
def open_resume_state(path: Path, command: str) -> Iterator[ResumeState]:
    """Open the state in a file, created if missing, and delete the file at the end if the state is empty.

    Args:
        path: the file.
        command: the command's digest, see :func:`command_digest`.

    Raises:
        ClientError: ``already_running``, ``state_of_another`` or ``state_unwritable``.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(path, "r+", encoding="ascii", errors="replace", opener=_open_private)  # noqa: SIM115  # closed below
    except OSError as error:
        raise ClientError(codes.STATE_UNWRITABLE, path=path, error=error.strerror) from error
    with file:
        _lock_file(file)
        state = ResumeState(file, command)
        try:
            yield state
        finally:
            if not state.batch:
                path.unlink(missing_ok=True)


def default_path(command: str) -> Path:
    """Return the path of a command's state (XDG base directories)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return folder / "xrayscreen" / f"{command}.state"


def command_digest(given: Sequence[object]) -> str:
    """Return the digest of a command's arguments, by which its state is found."""
    return _short_digest(json.dumps([str(argument) for argument in given]))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _lock_file(file: TextIO) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ClientError(codes.ALREADY_RUNNING) from error
