"""A file in memory for parsers of untrusted headers: whoever reads too often from it is stopped.

A parser written in Python makes at least one object of whatever it reads, so that the number of reads bounds both
its time and its memory, however small the pieces are that a hostile file is cut into.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

# Reads of a header. Radiographs take 100 to 3,000 (DICOM), pictures 5 to 500; 100,000 take a second at most.
HEADER_READS = 100_000
READ_BYTES = 1024  # of a whole file, one more read for so many of its bytes; pixels come in larger pieces


class OverlongHeaderError(RuntimeError):
    """A file with more parts than any film has. No ``OSError``, which parsers take for the end of the file."""


class BoundedReader(BytesIO):
    """The bytes of a file, not copied, for a limited number of reads."""

    def __init__(self, data: bytes, reads: int = HEADER_READS) -> None:
        super().__init__(data)
        self._left = reads

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file.

        Raises:
            OverlongHeaderError: after the last read that is allowed.
        """
        self._left -= 1
        if self._left < 0:
            raise OverlongHeaderError("the file has more parts than any film")
        return super().read(size)


@contextmanager
def suppress_parser_warnings() -> Iterator[None]:
    """Parsers warn of what is odd in a file, quoting it; what is wrong with a film we say ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
