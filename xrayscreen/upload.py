"""A file to be sent, and its request body, which is read from the disk during the upload."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from xrayscreen import codes
from xrayscreen.errors import FileError, StoppedError

PIECE = 1 << 20  # bytes
HEADER_NAME = 80  # characters

ByteCount = Callable[[int], object]  # called with the number of bytes sent; negative if they must be sent again


@dataclass(frozen=True)
class Upload:
    """A file to be sent.

    Attributes:
        name: its name with its folders: ``ward-3/a.dcm``.
        source: its bytes, or their path.
        sha256: hex digest of the bytes. If it is given, a file that has changed since is not sent.
        size: bytes if known; for progress only.
    """

    name: str
    source: bytes | Path
    sha256: str = ""
    size: int = 0

    def data(self) -> bytes:
        """Return all its bytes."""
        with self.open() as file:
            return file.read()

    def open(self) -> BinaryIO:
        """Return its bytes as an open file.

        Raises:
            FileError: ``file_gone`` or ``file_unreadable``.
        """
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        try:
            return self.source.open("rb")
        except FileNotFoundError as error:
            raise FileError(codes.FILE_GONE) from error
        except OSError as error:
            raise unreadable_file(error) from error

    def digest(self, read: ByteCount = id) -> tuple[str, int]:
        """Return the sha256 (hex) and the number of its bytes; ``read`` is called with the size of each piece.

        Raises:
            FileError: as :meth:`open`.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with self.open() as file:
                while piece := file.read(PIECE):
                    digest.update(piece)
                    size += len(piece)
                    read(len(piece))
        except OSError as error:
            raise unreadable_file(error) from error
        return digest.hexdigest(), size


def unreadable_file(error: OSError) -> FileError:
    """Return the error for a file or folder that cannot be read."""
    return FileError(codes.FILE_UNREADABLE, error=error.strerror or error)


class Body:
    """A multipart body (RFC 7578) with the fields ``path`` and ``file``, of known length, read in pieces.

    The last bytes are sent only after the digest of the file was checked, so a file that changed during the upload
    never makes a complete request. Use it as a context manager; each attempt needs a new body.
    """

    def __init__(self, upload: Upload, stop: threading.Event, moved: ByteCount = id) -> None:
        self._upload = upload
        self._stop = stop
        self._moved = moved
        self._sent = 0
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head, self._tail = _head_and_tail(upload.name, boundary)
        self._file = upload.open()
        self._size = _size(self._file)

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._content()
        yield self._tail

    def __enter__(self) -> Body:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self._file.close()
        if kind is not None:
            self.take_back()

    def take_back(self) -> None:
        """Report that the bytes sent in this attempt must be sent again."""
        self._moved(-self._sent)
        self._sent = 0

    def _content(self) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), self._size
        while left:
            if self._stop.is_set():
                raise StoppedError
            piece = self._read(min(PIECE, left))
            if not piece:
                raise _file_changed()
            digest.update(piece)
            left -= len(piece)
            yield piece
            self._sent += len(piece)
            self._moved(len(piece))
        if self._upload.sha256 and digest.hexdigest() != self._upload.sha256:
            raise _file_changed()

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:  # an OSError would be treated as a network error
            raise unreadable_file(error) from error


def _file_changed() -> FileError:
    return FileError(codes.FILE_CHANGED)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _head_and_tail(name: str, boundary: str) -> tuple[bytes, bytes]:
    """Return the bytes before and after the file. Names are escaped as browsers do (HTML, multipart/form-data)."""
    last = (
        name.rsplit("/", 1)[-1][-HEADER_NAME:] or "unnamed"
    )  # the field ``path`` has the full name; a header must be short
    for character, escaped in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        last = last.replace(character, escaped)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{name}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{last}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(errors="replace"), f"\r\n--{boundary}--\r\n".encode()
