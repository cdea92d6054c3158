"""The received part of a request and its state, before a thread handles the request. No I/O."""

from __future__ import annotations

import re
from enum import Enum

from screening.config import web

HEADER_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
LIVENESS = re.compile(rb"(?:GET|HEAD) /livez(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
# A body of unknown length, or one that the client sends only after "100 Continue".
OPEN_ENDED = re.compile(rb"\r\n(?:transfer-encoding|expect)[ \t]*:", re.IGNORECASE)


class State(Enum):
    """The state of a request that is being received."""

    INCOMPLETE = "the header, or a small body, is not complete"
    READY = "the request is complete"
    UPLOAD = "the header is complete, and a large body follows"
    TOO_LARGE = "the header is larger than allowed"


class Reception:
    """The bytes of one request received so far.

    Args:
        data: bytes received already.
    """

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray()
        self.state = State.INCOMPLETE
        self._complete_at: int | None = None  # size of the whole request in bytes; None until the header is complete
        self._searched = 0
        self.add(data)

    def add(self, data: bytes) -> None:
        """Add received bytes and update the state."""
        self.data += data
        if self._complete_at is None:
            self._parse_header()
        if self._complete_at is not None and len(self.data) >= self._complete_at:
            self.state = State.READY

    @property
    def is_liveness_probe(self) -> bool:
        """Return whether this is a liveness probe, which must not wait for a thread."""
        return LIVENESS.match(self.data) is not None

    def _parse_header(self) -> None:
        end = self.data.find(HEADER_END, max(0, self._searched - len(HEADER_END)))
        self._searched = len(self.data)
        if end < 0:
            if len(self.data) > web.MAX_HEADER:
                self.state = State.TOO_LARGE
            return
        header = bytes(self.data[: end + len(HEADER_END)])
        lengths = LENGTH.findall(header)
        # gunicorn refuses a header with several lengths, so no body is awaited here.
        body = int(lengths[0]) if len(lengths) == 1 else 0
        if OPEN_ENDED.search(header) or body > web.SMALL_BODY:
            self.state = State.UPLOAD
        else:
            self._complete_at = len(header) + body
