"""A file-like reader of an object in a bucket: sequential reads use one request, a seek costs another one."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class ObjectReader(io.RawIOBase):
    """A seekable file over an object; it buffers nothing. Films are read in sequence, ZIP archives with seeks.

    Args:
        read_from: requests the object from a byte on; returns the answer of ``GetObject``.
        error_context: a context around every read, which translates errors of the libraries.
    """

    def __init__(
        self, read_from: Callable[[int], dict[str, Any]], error_context: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__()
        self._read_from = read_from
        self._error_context = error_context
        answer = read_from(0)
        self._body, self._etag = answer["Body"], str(answer["ETag"])
        self.size = int(answer["ContentLength"])
        self._position = self._stream_position = 0  # of the caller's next byte, and of the next byte of the response

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True; a seek alone makes no request."""
        return True

    def tell(self) -> int:
        """Return the offset of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the offset of the next read, as for any file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("cannot stand before the beginning")
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, or all remaining ones without a size.

        Raises:
            OSError: the bytes do not arrive.
        """
        left = max(0, self.size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        if self._stream_position != self._position:
            self._reopen()
        parts = []
        while wanted and (part := self._read_part(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer and return the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._body.close()
        super().close()

    def _reopen(self) -> None:
        self._body.close()
        answer = self._read_from(self._position)
        self._body = answer["Body"]
        if str(answer["ETag"]) != self._etag:
            raise ConnectionError("the object was replaced while it was read")
        self._stream_position = self._position

    def _read_part(self, wanted: int) -> bytes:
        with self._error_context():
            part = bytes(self._body.read(wanted))
        if not part:
            raise ConnectionError("the storage hung up in the middle of an object")
        self._position += len(part)
        self._stream_position = self._position
        return part
