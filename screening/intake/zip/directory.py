"""Check of a ZIP's directory before a library reads it: a few bytes may declare millions of files.

The format is PKWARE's APPNOTE.TXT, whose sections are named below. ``zipfile`` trusts the size of the directory and
makes an object of every entry in it; here both are compared with the limits first.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol
from zipfile import ZipInfo

from ml.errors import FilmError
from screening.codes import film_codes

END_RECORD = struct.Struct("<4s4H2LH")  # 4.3.16: end of central directory record
END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14: the same for Zip64
LOCATOR = struct.Struct("<4sLQL")  # 4.3.15: the offset of the Zip64 record
ENTRY = struct.Struct("<4s24x3H12x")  # 4.3.12: of an entry, its signature and the lengths of name, extra and comment
SPLIT_MARK = b"PK\x07\x08"  # 8.5.3: the first bytes of the first part of a split archive
# Names of parts: those of PKZIP, and those of programs that split any file.
PART_NAME = re.compile(r"\.(?:z\d{2,3}|zip\.\d{2,4})$", re.IGNORECASE)
LOCAL_HEADER = 30  # bytes before a file's name, 4.3.7
MAX_COMMENT_BYTES = 65_535
MAX_END_RECORDS = 64  # before which a directory is looked for; a comment may contain some
MAX_BYTES_PER_ENTRY = 1024  # of the directory, on average; names of 100 letters take about 200


class Seekable(Protocol):
    """A file of Python or of Django that is open for reading."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next bytes, or fewer at the end."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Set the position and return it."""

    def tell(self) -> int:
        """Return the position."""


@dataclass(frozen=True)
class ArchiveDirectory:
    """Position and declared size of an archive's directory.

    Attributes:
        entries: the declared number of files and folders.
        start: offset of its first byte in the file.
        size: the number of its bytes.
        end: offset behind the end record, where the comment of the archive begins.
        data: its bytes; empty until they are read.
    """

    entries: int
    start: int
    size: int
    end: int
    data: bytes = b""


def locate_directory(file: Seekable, max_entries: int) -> ArchiveDirectory:
    """Find the directory, and compare its declared size with the limit and with the actual entries.

    Args:
        file: the archive, seekable.
        max_entries: files and folders that it may list.

    Raises:
        FilmError: ``archive_damaged``, ``archive_split`` or ``archive_too_many_members``.
    """
    directory = _read_end_record(file)
    if directory.entries > max_entries:
        raise too_many(directory.entries, max_entries)
    if directory.start < 0 or directory.size > MAX_BYTES_PER_ENTRY * max(directory.entries, 64):
        raise damaged("its directory does not fit into it")
    file.seek(directory.start)
    data = file.read(directory.size)
    if _count_entries(data) != directory.entries:
        raise damaged("its directory does not list what it says")
    return replace(directory, data=data)


def is_split_part(file: Seekable, name: str) -> bool:
    """Return whether a file that does not begin as a ZIP is a part of a split archive, by its end or its name.

    The last part of a split ZIP has the number of its disk at its end. The other parts, and those of programs that
    split any file, are known by their names alone.
    """
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(max(0, size - END_RECORD.size))
    tail = file.read(END_RECORD.size)
    file.seek(0)
    if len(tail) == END_RECORD.size and tail.startswith(b"PK\x05\x06"):
        _, disk, first_disk, *_ = END_RECORD.unpack(tail)
        if disk != 0 and first_disk <= disk:
            return True
    return PART_NAME.search(name) is not None


def refuse_overlaps(listed: Iterable[ZipInfo], end: int) -> None:
    """Refuse an archive whose files overlap: a few kilobytes may unpack to terabytes (Fifield, WOOT 2019).

    Args:
        listed: its entries.
        end: the offset of the directory, behind the last file.

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
    """Return the error for a damaged archive."""
    return FilmError(film_codes.ARCHIVE_DAMAGED, why=why)


def too_many(entries: int, most: int) -> FilmError:
    """Return the error for an archive with too many entries."""
    return FilmError(film_codes.ARCHIVE_TOO_MANY_MEMBERS, entries=entries, most=most)


def _read_end_record(file: Seekable) -> ArchiveDirectory:
    """Read the end record and the Zip64 record before it."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    begin = max(0, size - MAX_COMMENT_BYTES - 1 - END_RECORD.size - LOCATOR.size - END_RECORD_64.size)
    file.seek(begin)
    tail = file.read(size - begin)
    at = _find_end_record(file, tail, begin)
    if at < 0:
        file.seek(0)
        if file.read(len(SPLIT_MARK)) == SPLIT_MARK:
            raise FilmError(film_codes.ARCHIVE_SPLIT)
        raise damaged("its directory, which a ZIP has at its end, is missing")
    _, disk, first_disk, here, entries, length, _, _ = END_RECORD.unpack_from(tail, at)
    location, end = begin + at, begin + at + END_RECORD.size
    if tail[max(0, at - LOCATOR.size) :].startswith(b"PK\x06\x07") and at >= LOCATOR.size + END_RECORD_64.size:
        at -= LOCATOR.size + END_RECORD_64.size
        location = begin + at
        _, record, disks = LOCATOR.unpack_from(tail, at + END_RECORD_64.size)[1:]
        if record != location or not tail[at:].startswith(b"PK\x06\x06"):
            raise damaged("its Zip64 directory is not where it says")
        _, _, _, _, disk, first_disk, here, entries, length, _ = END_RECORD_64.unpack_from(tail, at)
        first_disk |= disks > 1
    if disk or first_disk or here != entries:
        raise FilmError(film_codes.ARCHIVE_SPLIT)
    return ArchiveDirectory(entries, location - length, length, end)


def _find_end_record(file: Seekable, tail: bytes, begin: int) -> int:
    """Return the offset of the end record in the last bytes of the archive, or -1.

    The comment behind it may contain its mark. The comment of the right record reaches to the end of the file, and a
    directory lies before the record. Where none is right, the last record is returned.

    Args:
        file: the archive.
        tail: its last bytes.
        begin: the offset of these bytes.
    """
    last = len(tail) - END_RECORD.size
    marks = [mark.start() for mark in re.finditer(b"PK\x05\x06", tail) if mark.start() <= last][::-1]
    exact = [at for at in marks if at + END_RECORD.unpack_from(tail, at)[-1] == last][:MAX_END_RECORDS]
    fitting = (at for at in exact if _follows_directory(file, tail, begin, at))
    return next(fitting, next(iter([*exact, *marks]), -1))


def _follows_directory(file: Seekable, tail: bytes, begin: int, at: int) -> bool:
    """Return whether a directory or a Zip64 record lies before an end record."""
    if tail[max(0, at - LOCATOR.size) : at].startswith(b"PK\x06\x07"):
        return True
    start = begin + at - END_RECORD.unpack_from(tail, at)[5]
    if not 0 <= start < begin + at:
        return False
    file.seek(start)
    return file.read(4) == b"PK\x01\x02"


def _count_entries(directory: bytes) -> int:
    """Count the entries of a directory by stepping over them; returns -1 where they do not fill it."""
    at = entries = 0
    while at + ENTRY.size <= len(directory):
        signature, *lengths = ENTRY.unpack_from(directory, at)
        if signature != b"PK\x01\x02":
            return -1
        at += ENTRY.size + sum(lengths)
        entries += 1
    return entries if at == len(directory) else -1
