"""Log files of one process, of bounded size. Errors of the disk are never raised."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5  # NAME.log and the older NAME.log.1 to NAME.log.4


class LogFile:
    """A log that appends whole lines from any thread; lines that cannot be written are counted and reported in it."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, files: int = MAX_FILES) -> None:
        self._path, self._max_bytes, self._files = path, max_bytes, files
        self._lock = threading.Lock()
        self._descriptor = -1
        self._closed = False
        self._size = 0
        self._lost = 0
        with suppress(OSError):
            self._open()

    def write(self, line: str) -> None:
        """Append a line."""
        data = f"{line}\n".encode("utf-8", "replace")
        with self._lock:
            if self._closed:
                return
            try:
                self._make_room(len(data))
                self._append(data)
            except OSError:
                self._lost += 1

    def close(self) -> None:
        """Close the file; what is written later is dropped."""
        with self._lock:
            self._closed = True
            self._shut()

    def _make_room(self, wanted: int) -> None:
        if self._descriptor < 0:
            self._open()
        elif self._size + wanted > self._max_bytes:
            self._shut()
            rotate(self._path, self._files)
            self._open()
            self._size = 0  # if the files could not be renamed, the next try follows after as many bytes

    def _append(self, data: bytes) -> None:
        if self._lost:  # the last line may be incomplete
            data = f"\n({self._lost} lines were lost here: the disk did not take them)\n".encode() + data
        written = os.write(self._descriptor, data)
        self._size += written
        self._lost = 0 if written == len(data) else self._lost + 1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _shut(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


def rotate(path: Path, files: int = MAX_FILES) -> None:
    """Rename a log and its older files to the next number; the oldest is deleted."""
    names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, files))]
    for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
        with suppress(OSError):
            newer.replace(older)


def read_log(path: Path) -> str:
    """Return the text of the newest file, empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
