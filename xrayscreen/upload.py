"""A file to be sent, and its request body, which is read from the disk while it is sent."""

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

from xrayscreen.errors import FileError, StoppedError

CHUNK = 1 << 20  # bytes
HEADER_NAME = 80  # characters

Moved = Callable[[int], object]  # called with the number of bytes that went out, or came back to be sent again


@dataclass(frozen=True)
class Upload:
    """A file to be sent.

    Attributes:
        name: what to call it, with the folders it lies in: ``ward-3/a.dcm``.
        source: its bytes, or where they are.
        sha256: hex digest of the bytes that are meant. Where it is given, a file that has changed since is not sent.
        size: bytes, as far as they are known; for progress only.
    """

    name: str
    source: bytes | Path
    sha256: str = ""
    size: int = 0

    def data(self) -> bytes:
        """All its bytes at once."""
        with self.open() as file:
            return file.read()

    def open(self) -> BinaryIO:
        """Its bytes as an open file.

        Raises:
            FileError: ``file_gone`` or ``file_unreadable``.
        """
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        try:
            return self.source.open("rb")
        except FileNotFoundError as error:
            raise FileError("file_gone", "The file is no longer there.") from error
        except OSError as error:
            raise unreadable(error) from error

    def digest(self, read: Moved = id) -> tuple[str, int]:
        """The sha256 (hex) and the number of its bytes; ``read`` is called with the size of each piece.

        Raises:
            FileError: as :meth:`open`.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with self.open() as file:
                while piece := file.read(CHUNK):
                    digest.update(piece)
                    size += len(piece)
                    read(len(piece))
        except OSError as error:
            raise unreadable(error) from error
        return digest.hexdigest(), size


def unreadable(error: OSError) -> FileError:
    """What is said of a file or folder that the disk does not give out."""
    return FileError("file_unreadable", f"It cannot be read: {error.strerror or error}.")


class Body:
    """A multipart body (RFC 7578) of the fields ``path`` and ``file``, of known length, never whole in memory.

    The last bytes go out only once the digest of the others is found right, so that a file that changed while it was
    sent never makes a complete request. Use it as a context; each attempt at a request needs a body of its own.
    """

    def __init__(self, upload: Upload, stop: threading.Event, moved: Moved = id) -> None:
        self._upload = upload
        self._stop = stop
        self._moved = moved
        self._sent = 0
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head, self._tail = _around(upload.name, boundary)
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
        """Say that what went out in this attempt does not count."""
        self._moved(-self._sent)
        self._sent = 0

    def _content(self) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), self._size
        while left:
            if self._stop.is_set():
                raise StoppedError
            piece = self._read(min(CHUNK, left))
            if not piece:
                raise _changed()
            digest.update(piece)
            left -= len(piece)
            yield piece
            self._sent += len(piece)
            self._moved(len(piece))
        if self._upload.sha256 and digest.hexdigest() != self._upload.sha256:
            raise _changed()

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:  # as an OSError it would be taken for one of the network
            raise unreadable(error) from error


def _changed() -> FileError:
    sentence = "The file changed after it was hashed, so it was not sent; run the command again once it is complete."
    return FileError("file_changed", sentence)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _around(name: str, boundary: str) -> tuple[bytes, bytes]:
    """What stands before and after the file's bytes. Names are escaped as browsers do (HTML, multipart/form-data)."""
    last = name.rsplit("/", 1)[-1][-HEADER_NAME:] or "unnamed"  # the path is whole, a header may not be long
    for character, escaped in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        last = last.replace(character, escaped)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{name}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{last}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(errors="replace"), f"\r\n--{boundary}--\r\n".encode()
