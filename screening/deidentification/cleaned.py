"""The result of cleaning a file, and helpers that every kind of file uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ml.errors import FilmError, NoteCode
from screening.codes import film_codes

MAX_PARTS = 200_000  # segments, chunks or elements; the largest real films have a few ten thousand
TRAILING_DATA = "data after the end of the picture"
EXIF = "EXIF"  # where its tags cannot be named

Part = TypeVar("Part")


@dataclass(frozen=True)
class CleanedFile:
    """A file without what identifies a person.

    Attributes:
        data: its bytes.
        removed: names of what was removed, sorted; never values.
        replaced: names of what was replaced by a pseudonym, sorted.
        patient: pseudonym, at most 32 characters; empty where the file names no patient.
        study: pseudonym of the study's UID; empty where the file names no study.
        notes: what was put right in the file.
    """

    data: bytes
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    patient: str = ""
    study: str = ""
    notes: tuple[NoteCode, ...] = ()


class ByteCopier:
    """Builder of the cleaned file: copies ranges of the original in order; adjacent ranges become one piece."""

    def __init__(self, data: bytes) -> None:
        self._data, self._view = data, memoryview(data)
        self._pieces: list[bytes | memoryview] = []
        self._start = self._end = 0

    def copy(self, start: int, end: int) -> None:
        """Copy a range of the original file."""
        if start != self._end:
            self._flush()
            self._start = start
        self._end = min(end, len(self._data))

    def insert(self, piece: bytes) -> None:
        """Insert bytes that are not part of the original file."""
        self._flush()
        self._pieces.append(piece)

    def replace(self, piece: bytes, start: int, end: int) -> None:
        """Insert bytes in the place of a range of the original; equal bytes are copied from it."""
        if self._view[start:end] == piece:
            self.copy(start, end)
        else:
            self.insert(piece)

    def join(self) -> bytes:
        """Return the new file."""
        if not self._pieces and self._start == 0 and self._end == len(self._data):
            return self._data
        self._flush()
        return b"".join(self._pieces)

    def _flush(self) -> None:
        if self._end > self._start:
            self._pieces.append(self._view[self._start : self._end])
        self._start = self._end = -1  # no range begins there, so the next one is not adjacent


def sorted_names(removed: set[str]) -> tuple[str, ...]:
    """Return names sorted and without duplicates; "EXIF" as a whole only where none of its tags is named."""
    tags_named = any(name.startswith(f"{EXIF}: ") for name in removed)
    return tuple(sorted(removed - ({"", EXIF} if tags_named else {""})))


def limit_parts(parts: Iterable[Part], kind: str) -> Iterator[Part]:
    """Yield the parts of a file, at most ``MAX_PARTS``: a hostile file may consist of millions.

    Raises:
        FilmError: ``damaged_header``, there are more.
    """
    for number, part in enumerate(parts):
        if number >= MAX_PARTS:
            raise damaged(kind)
        yield part


def damaged(kind: str) -> FilmError:
    """Return the error for a file that cannot be parsed."""
    return FilmError(film_codes.DAMAGED_STRUCTURE, kind=kind.upper())
