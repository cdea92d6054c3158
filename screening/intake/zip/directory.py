"""The directory of a ZIP, looked at before a library reads it: a few bytes may claim millions of files.

The format is PKWARE's APPNOTE.TXT, whose sections are named below. ``zipfile`` believes the size of the directory and
makes an object of every entry in it; here both are held against the limits first.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from zipfile import ZipInfo

from ml.errors import FilmError
from screening.codes import film_codes

END = struct.Struct("<4s4H2LH")  # 4.3.16: end of central directory record
END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14: the same for Zip64
LOCATOR = struct.Struct("<4sLQL")  # 4.3.15: where that one is
ENTRY = struct.Struct("<4s24x3H12x")  # 4.3.12: of an entry, its signature and the lengths of name, extra and comment
LOCAL_HEADER = 30  # bytes before a file's name, 4.3.7
LONGEST_COMMENT = 65_535
BYTES_A_MEMBER = 1024  # of the directory, on the average at most; names of 100 letters take some 200


class Seekable(Protocol):
    """A file of Python's or of Django's that is open for reading."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, or fewer at the end."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go elsewhere."""

    def tell(self) -> int:
        """Where it stands."""


@dataclass(frozen=True)
class Directory:
    """Where a directory lies and what it says of itself.

    Attributes:
        entries: files and folders it says it lists.
        start: its first byte in the file.
        size: in bytes.
    """

    entries: int
    start: int
    size: int


def locate(file: Seekable, most: int) -> Directory:
    """Find the directory and hold what it claims against the limit and against what is there.

    Args:
        file: the archive, seekable.
        most: entries it may list.

    Raises:
        FilmError: ``archive_damaged``, ``archive_kind`` or ``archive_too_many_members``.
    """
    directory = _claimed(file)
    if directory.entries > most:
        raise too_many(directory.entries, most)
    if directory.start < 0 or directory.size > BYTES_A_MEMBER * max(directory.entries, 64):
        raise damaged("its directory does not fit into it")
    file.seek(directory.start)
    if _count(file.read(directory.size)) != directory.entries:
        raise damaged("its directory does not list what it says")
    return directory


def refuse_overlaps(listed: Iterable[ZipInfo], end: int) -> None:
    """Refuse an archive in which files share bytes: so a few kilobytes unpack to terabytes (Fifield, WOOT 2019).

    Args:
        listed: its entries.
        end: where the directory begins, behind the last file.

    Raises:
        FilmError: ``archive_overlap``, or ``archive_damaged`` where a file lies outside the archive.
    """
    taken = 0
    for info in sorted(listed, key=lambda info: info.header_offset):
        if info.header_offset < 0 or info.header_offset + LOCAL_HEADER + info.compress_size > end:
            raise damaged("it lists a file that is not in it")
        if info.header_offset < taken:
            raise FilmError(film_codes.ARCHIVE_OVERLAP)
        taken = info.header_offset + LOCAL_HEADER + info.compress_size


def damaged(why: str) -> FilmError:
    """An archive that is not what it should be."""
    return FilmError(film_codes.ARCHIVE_DAMAGED, why=why)


def too_many(entries: int, most: int) -> FilmError:
    """An archive with more in it than an archive may have."""
    return FilmError(film_codes.ARCHIVE_TOO_MANY_MEMBERS, entries=entries, most=most)


def _claimed(file: Seekable) -> Directory:
    """What the archive says of its directory, looked for where ``zipfile`` looks."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    begin = max(0, size - LONGEST_COMMENT - 1 - END.size - LOCATOR.size - END64.size)
    file.seek(begin)
    tail = file.read(size - begin)
    at = _end_of(tail)
    _, disk, first_disk, here, entries, length, _, _ = END.unpack_from(tail, at)
    location = begin + at
    if tail[max(0, at - LOCATOR.size) :].startswith(b"PK\x06\x07") and at >= LOCATOR.size + END64.size:
        at -= LOCATOR.size + END64.size
        location = begin + at
        _, record, disks = LOCATOR.unpack_from(tail, at + END64.size)[1:]
        if record != location or not tail[at:].startswith(b"PK\x06\x06"):
            raise damaged("its Zip64 directory is not where it says")
        _, _, _, _, disk, first_disk, here, entries, length, _ = END64.unpack_from(tail, at)
        first_disk |= disks > 1
    if disk or first_disk or here != entries:
        raise FilmError(film_codes.ARCHIVE_IN_PARTS)
    return Directory(entries, location - length, length)


def _end_of(tail: bytes) -> int:
    """Where in the last bytes of the archive its end record begins; a comment may follow it."""
    plain = len(tail) - END.size
    if plain >= 0 and tail[plain:].startswith(b"PK\x05\x06") and tail.endswith(b"\0\0"):
        return plain
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at > plain:
        raise damaged("its directory, which a ZIP has at its end, is missing")
    return at


def _count(directory: bytes) -> int:
    """The entries of a directory, by stepping over them; -1 where they do not fill it."""
    at = entries = 0
    while at + ENTRY.size <= len(directory):
        signature, *lengths = ENTRY.unpack_from(directory, at)
        if signature != b"PK\x01\x02":
            return -1
        at += ENTRY.size + sum(lengths)
        entries += 1
    return entries if at == len(directory) else -1
