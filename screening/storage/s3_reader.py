"""An object of a bucket as a file: read as it comes, and from another place by another request."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class ObjectReader(io.RawIOBase):
    """What reads front to back costs one request and no memory but the reader's; a ZIP's reader may jump.

    Args:
        read_from: asks for the object from a byte on; answers as ``GetObject`` does.
        reading: what every read runs in; there an error becomes what it is to the caller.
    """

    def __init__(
        self, read_from: Callable[[int], dict[str, Any]], reading: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__()
        self._read_from = read_from
        self._reading = reading
        answer = read_from(0)
        self._body, self._etag = answer["Body"], str(answer["ETag"])
        self.size = int(answer["ContentLength"])
        self._here = self._coming = 0  # where the caller stands, and what byte comes next over the network

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is; a jump alone asks for nothing yet."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._here

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stand elsewhere, as any file does."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._here, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("cannot stand before the beginning")
        self._here = start + offset
        return self._here

    def read(self, size: int | None = -1) -> bytes:
        """Up to ``size`` bytes, all that are left without one.

        Raises:
            OSError: when they do not come.
        """
        left = max(0, self.size - self._here)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        if self._coming != self._here:
            self._jump()
        parts = []
        while wanted and (part := self._next(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the object goes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the connection."""
        if not self.closed:
            self._body.close()
        super().close()

    def _jump(self) -> None:
        self._body.close()
        answer = self._read_from(self._here)
        self._body = answer["Body"]
        if str(answer["ETag"]) != self._etag:
            raise ConnectionError("the object was replaced while it was read")
        self._coming = self._here

    def _next(self, wanted: int) -> bytes:
        with self._reading():
            part = bytes(self._body.read(wanted))
        if not part:
            raise ConnectionError("the storage hung up in the middle of an object")
        self._here += len(part)
        self._coming = self._here
        return part
