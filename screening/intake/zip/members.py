"""One file of a ZIP: what it is, whether it may be taken out, and its bytes."""

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

UNREADABLE = (BadZipFile, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})  # the others give no bound to what a few bytes may unpack to
ENCRYPTED, PATCH, STRONGLY_ENCRYPTED = 1 << 0, 1 << 5, 1 << 6  # general purpose flags, 4.4.4
HARMLESS = 1024 * 1024  # bytes: nothing so small is a bomb, however well it packs
PIECE = 1024 * 1024  # bytes inflated at a time
HELPERS = {"__macosx": "__MACOSX", ".ds_store": ".DS_Store", "thumbs.db": "Thumbs.db", "desktop.ini": "desktop.ini"}


@dataclass(frozen=True)
class Limits:
    """What an archive may have.

    Attributes:
        file_bytes: bytes of one file in it, unpacked.
        members: files and folders, those of archives inside it among them.
        unpacked_bytes: bytes of all files together, unpacked.
        ratio: unpacked by packed, of the whole and of each file.
    """

    file_bytes: int
    members: int
    unpacked_bytes: int
    ratio: int


def is_archive(head: bytes) -> bool:
    """Whether a file is a ZIP by its first bytes."""
    return head.startswith(ZIP_MAGICS)


def inflate(archive: ZipFile, info: ZipInfo, *, inside: bool) -> bytes:
    """A file's bytes: never more than the directory says, whatever was packed; see :func:`refuse_file` for that.

    Args:
        archive: where it is.
        info: which.
        inside: it lies in an archive inside another, where no further archive is opened.

    Raises:
        FilmError: ``member_damaged`` or ``archive_too_deep``.
        OSError: when the archive cannot be read.
    """
    try:
        with archive.open(info) as stream:
            pieces = [stream.read(len(ZIP_MAGICS[0]))]
            if inside and is_archive(pieces[0]):
                raise FilmError(film_codes.ARCHIVE_TOO_DEEP)
            pieces += iter(partial(stream.read, PIECE), b"")
    except UNREADABLE as error:
        raise _damaged_member() from error
    data = b"".join(pieces)
    if len(data) != info.file_size:
        raise _damaged_member()
    return data


def _damaged_member() -> FilmError:
    return FilmError(film_codes.MEMBER_DAMAGED)


def is_folder(info: ZipInfo) -> bool:
    """Whether this is a folder and nothing else."""
    named = info.orig_filename.endswith(("/", "\\")) or stat.S_ISDIR(info.external_attr >> 16)
    return named and info.file_size == 0


def helper(info: ZipInfo) -> str:
    """The kind of helper file of an operating system that this is, or nothing: then it is the user's."""
    parts = info.orig_filename.replace("\\", "/").casefold().split("/")
    if parts[0] == "__macosx":
        return "" if is_folder(info) else HELPERS[parts[0]]
    return "._ files" if parts[-1].startswith("._") else HELPERS.get(parts[-1], "")


def refuse_file(info: ZipInfo, limits: Limits) -> None:
    """Refuse by what the directory says of a file; nothing has been unpacked yet.

    Raises:
        FilmError: ``member_path``, ``member_encrypted``, ``member_link``, ``member_compression``,
            ``file_too_large`` or ``member_ratio``.
    """
    _refuse_path(info.orig_filename)
    if info.flag_bits & (ENCRYPTED | STRONGLY_ENCRYPTED):
        raise FilmError(film_codes.MEMBER_ENCRYPTED)
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise FilmError(film_codes.MEMBER_LINK)
    if info.compress_type not in METHODS or info.flag_bits & PATCH:
        raise FilmError(film_codes.MEMBER_COMPRESSION)
    if info.file_size > limits.file_bytes:
        raise FilmError(film_codes.MEMBER_TOO_LARGE, size=info.file_size, most=limits.file_bytes)
    if info.file_size > max(HARMLESS, limits.ratio * info.compress_size):
        raise FilmError(film_codes.MEMBER_RATIO, ratio=limits.ratio)


def _refuse_path(path: str) -> None:
    parts = path.replace("\\", "/").split("/")
    if "\0" in path or not parts[0] or ".." in parts or re.match("[A-Za-z]:", path):
        raise FilmError(film_codes.MEMBER_PATH)
