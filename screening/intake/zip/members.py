"""One file of a ZIP: its kind, the check whether it may be unpacked, and its bytes."""

from __future__ import annotations

import re
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import partial
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ml.decoding.signatures import ZIP_MAGICS
from ml.errors import FilmError
from screening.codes import film_codes
from screening.intake.zip.directory import LOCAL_HEADER, SPLIT_MARK, Seekable

READ_ERRORS = (BadZipFile, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
ALLOWED_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})  # with others a few bytes may unpack to any size
# General purpose flags, 4.4.4.
ENCRYPTED, STREAMED, PATCH, STRONGLY_ENCRYPTED = 1 << 0, 1 << 3, 1 << 5, 1 << 6
HARMLESS_BYTES = 1024 * 1024  # up to this unpacked size the ratio is not checked
PIECE_BYTES = 1024 * 1024  # inflated at a time
SPLIT_MAGICS = (SPLIT_MARK + ZIP_MAGICS[0], b"PK00" + ZIP_MAGICS[0])  # 8.5.3 and 8.5.4: it was to be split
MAX_DESCRIPTOR = 24  # bytes of a data descriptor (4.3.9)


MAGIC_LENGTH = max(map(len, SPLIT_MAGICS))


@dataclass(frozen=True)
class ZipLimits:
    """Limits of an archive.

    Attributes:
        file_bytes: bytes of one file in it, unpacked.
        members: files and folders, those of nested archives included.
        unpacked_bytes: bytes of all files together, unpacked.
        ratio: unpacked bytes by packed bytes, of the whole and of each file.
    """

    file_bytes: int
    members: int
    unpacked_bytes: int
    ratio: int


def is_archive(head: bytes) -> bool:
    """Return whether a file is a ZIP, by its first bytes."""
    return head.startswith((*ZIP_MAGICS, *SPLIT_MAGICS))


def read_member(archive: ZipFile, info: ZipInfo, *, nested: bool) -> bytes:
    """Return a file's bytes, never more than the directory declares; :func:`require_allowed` checks that size.

    Args:
        archive: the archive.
        info: the file's entry.
        nested: the archive is nested in another, where no further archive is opened.

    Raises:
        FilmError: ``member_damaged`` or ``archive_too_deep``.
        OSError: the archive cannot be read.
    """
    try:
        with archive.open(info) as stream:
            pieces = [stream.read(MAGIC_LENGTH)]
            if nested and is_archive(pieces[0]):
                raise FilmError(film_codes.ARCHIVE_TOO_DEEP)
            pieces += iter(partial(stream.read, PIECE_BYTES), b"")
    except READ_ERRORS as error:
        raise _damaged_member() from error
    data = b"".join(pieces)
    if len(data) != info.file_size:
        raise _damaged_member()
    return data


def _damaged_member() -> FilmError:
    return FilmError(film_codes.MEMBER_DAMAGED)


def is_folder(info: ZipInfo) -> bool:
    """Return whether an entry is a folder without bytes."""
    named = info.filename.endswith("/") or stat.S_ISDIR(info.external_attr >> 16)
    return named and info.file_size == 0


def require_size(file: Seekable, info: ZipInfo, end: int) -> None:
    """Check that the directory states the size of a file that was packed as a stream.

    Args:
        file: the archive.
        info: the file's entry.
        end: offset of what follows in the archive.

    Raises:
        FilmError: ``member_streamed``: there are bytes, but their size is stated nowhere.
    """
    if not info.flag_bits & STREAMED or info.file_size or info.compress_size:
        return
    file.seek(info.header_offset)
    header = file.read(LOCAL_HEADER)
    if len(header) == LOCAL_HEADER:
        start = info.header_offset + LOCAL_HEADER + sum(struct.unpack_from("<2H", header, LOCAL_HEADER - 4))
        if end - start > MAX_DESCRIPTOR:
            raise FilmError(film_codes.MEMBER_STREAMED)


def require_allowed(info: ZipInfo, limits: ZipLimits) -> None:
    """Check the entry of a file before it is unpacked.

    Raises:
        FilmError: ``member_path``, ``member_encrypted``, ``member_link``, ``member_compression``,
            ``file_too_large`` or ``member_ratio``.
    """
    _refuse_path(info.filename)
    if info.flag_bits & (ENCRYPTED | STRONGLY_ENCRYPTED):
        raise FilmError(film_codes.MEMBER_ENCRYPTED)
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise FilmError(film_codes.MEMBER_LINK)
    if info.compress_type not in ALLOWED_METHODS or info.flag_bits & PATCH:
        raise FilmError(film_codes.MEMBER_COMPRESSION)
    if info.file_size > limits.file_bytes:
        raise FilmError(film_codes.MEMBER_TOO_LARGE, size=info.file_size, most=limits.file_bytes)
    if info.file_size > max(HARMLESS_BYTES, limits.ratio * info.compress_size):
        raise FilmError(film_codes.MEMBER_RATIO, ratio=limits.ratio)


def _refuse_path(path: str) -> None:
    parts = path.split("/")
    if "\0" in path or not parts[0] or ".." in parts or re.match("[A-Za-z]:", path):
        raise FilmError(film_codes.MEMBER_PATH)
