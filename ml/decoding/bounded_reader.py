"""A file in memory for parsers of untrusted headers, with a limit on the number of reads.

A parser written in Python creates at least one object for each read. So the number of reads bounds its time and its
memory, even for a hostile file of many tiny parts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

# Reads of a header. Radiographs take 100 to 3,000 (DICOM), pictures 5 to 500; 100,000 take a second at most.
HEADER_READS = 100_000
# For a whole file, one more read is allowed for each so many bytes; pixels are read in larger pieces.
READ_BYTES = 1024


class OverlongHeaderError(RuntimeError):
    """A file with more parts than any film has. Not an ``OSError``, which parsers take for the end of the file."""


class BoundedReader(BytesIO):
    """The bytes of a file, not copied, with a limited number of reads."""

    def __init__(self, data: bytes, reads: int = HEADER_READS) -> None:
        super().__init__(data)
        self._left = reads

    def read(self, size: int | None = -1, /) -> bytes:
        """Read like any file.

        Raises:
            OverlongHeaderError: after the last read that is allowed.
        """
        self._left -= 1
        if self._left < 0:
            raise OverlongHeaderError("the file has more parts than any film")
        return super().read(size)


@contextmanager
def suppress_parser_warnings() -> Iterator[None]:
    """Suppress the warnings of parsers: they quote the file, and what matters is raised as an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
