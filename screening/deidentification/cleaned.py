"""What cleaning a file gives, and what every kind of file needs for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ml.errors import FilmError
from screening.codes import film_codes

MOST_PARTS = 200_000  # segments, chunks or elements; the largest real films have a few ten thousand
AFTER_THE_END = "data after the end of the picture"
EXIF = "EXIF"  # where its tags cannot be named

Part = TypeVar("Part")


@dataclass(frozen=True)
class Cleaned:
    """A file without what identifies a person.

    Attributes:
        data: its bytes.
        removed: names of what was removed, sorted; never values.
        replaced: names of what was replaced by a pseudonym, sorted.
        patient: pseudonym, at most 32 characters; empty where the file names no patient.
        study: pseudonym of the study's UID; empty where the file names no study.
    """

    data: bytes
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    patient: str = ""
    study: str = ""


class Kept:
    """The parts of a file that stay, in order; neighbours are copied as one piece."""

    def __init__(self, data: bytes) -> None:
        self._data, self._view = data, memoryview(data)
        self._pieces: list[bytes | memoryview] = []
        self._start = self._end = 0

    def keep(self, start: int, end: int) -> None:
        """Keep bytes of the file."""
        if start != self._end:
            self._flush()
            self._start = start
        self._end = min(end, len(self._data))

    def add(self, piece: bytes) -> None:
        """Put in bytes that are not the file's."""
        self._flush()
        self._pieces.append(piece)

    def put(self, piece: bytes, start: int, end: int) -> None:
        """Put in bytes instead of the file's; where they are the same, the file's are kept."""
        if self._view[start:end] == piece:
            self.keep(start, end)
        else:
            self.add(piece)

    def join(self) -> bytes:
        """The new file."""
        if not self._pieces and self._start == 0 and self._end == len(self._data):
            return self._data
        self._flush()
        return b"".join(self._pieces)

    def _flush(self) -> None:
        if self._end > self._start:
            self._pieces.append(self._view[self._start : self._end])
        self._start = self._end = -1  # no part begins there, so the next one is no neighbour


def names(removed: set[str]) -> tuple[str, ...]:
    """Names as :class:`Cleaned` holds them: sorted, EXIF as a whole only where none of its tags is named."""
    tags_named = any(name.startswith(f"{EXIF}: ") for name in removed)
    return tuple(sorted(removed - ({"", EXIF} if tags_named else {""})))


def bounded(parts: Iterable[Part], kind: str) -> Iterator[Part]:
    """Pass on the parts of a file, but not more than a real film has: a hostile one is made of millions.

    Raises:
        FilmError: ``damaged_header``.
    """
    for number, part in enumerate(parts):
        if number >= MOST_PARTS:
            raise damaged(kind)
        yield part


def damaged(kind: str) -> FilmError:
    """The refusal of a file that cannot be taken apart."""
    return FilmError(film_codes.DAMAGED_STRUCTURE, kind=kind.upper())
