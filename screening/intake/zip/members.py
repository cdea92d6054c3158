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

READ_ERRORS = (BadZipFile, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
ALLOWED_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})  # with others a few bytes may unpack to any size
ENCRYPTED, PATCH, STRONGLY_ENCRYPTED = 1 << 0, 1 << 5, 1 << 6  # general purpose flags, 4.4.4
HARMLESS_BYTES = 1024 * 1024  # up to this unpacked size the ratio is not checked
PIECE_BYTES = 1024 * 1024  # inflated at a time
SYSTEM_FILES = {
    "__macosx": "__MACOSX",
    ".ds_store": ".DS_Store",
    "thumbs.db": "Thumbs.db",
    "desktop.ini": "desktop.ini",
}


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
    return head.startswith(ZIP_MAGICS)


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
            pieces = [stream.read(len(ZIP_MAGICS[0]))]
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
    named = info.orig_filename.endswith(("/", "\\")) or stat.S_ISDIR(info.external_attr >> 16)
    return named and info.file_size == 0


def system_file_kind(info: ZipInfo) -> str:
    """Return the kind of an operating system's helper file; empty for a file of the user."""
    parts = info.orig_filename.replace("\\", "/").casefold().split("/")
    if parts[0] == "__macosx":
        return "" if is_folder(info) else SYSTEM_FILES[parts[0]]
    return "._ files" if parts[-1].startswith("._") else SYSTEM_FILES.get(parts[-1], "")


def require_allowed(info: ZipInfo, limits: ZipLimits) -> None:
    """Check the entry of a file before it is unpacked.

    Raises:
        FilmError: ``member_path``, ``member_encrypted``, ``member_link``, ``member_compression``,
            ``file_too_large`` or ``member_ratio``.
    """
    _refuse_path(info.orig_filename)
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
    parts = path.replace("\\", "/").split("/")
    if "\0" in path or not parts[0] or ".." in parts or re.match("[A-Za-z]:", path):
        raise FilmError(film_codes.MEMBER_PATH)
