"""Names of the files in a ZIP: which bytes they are, and in which encoding.

APPNOTE.TXT knows two encodings, cp437 and UTF-8 (flag bit 11). macOS writes UTF-8 without the flag, Windows the code
page of its language, and some programs set the flag on other bytes. Info-ZIP adds the name as UTF-8 in a field of its
own (4.6.9), which is valid only as long as its checksum fits the name.
"""

from __future__ import annotations

import os
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from screening.intake.zip.directory import LOCAL_HEADER, ArchiveDirectory, Seekable
from screening.name_encoding import decode_names

ENTRY = struct.Struct("<4s4xH18x3H12x")  # 4.3.12: signature, flags, lengths of name, extra and comment
COMMENT_LENGTH_BYTES = 2  # the last field of the end record, 4.3.16
FLAGS_OFFSET, LOCAL_FLAGS_OFFSET = 8, 6  # of an entry, and of a local header (4.3.7)
UTF8_FLAG = 1 << 11  # 4.4.4: name and comment are UTF-8
UNICODE_PATH = 0x7075  # 4.6.9: version, CRC-32 of the name, name as UTF-8
UNKNOWN_FIELD = 0x7076  # assigned to nobody


@dataclass(frozen=True)
class StoredName:
    """The name of an entry as the directory has it.

    Attributes:
        data: its bytes.
        is_utf8: flag bit 11 declares UTF-8.
        unicode_path: the text of a Unicode Path field that fits the bytes, or ``None``.
    """

    data: bytes
    is_utf8: bool
    unicode_path: str | None

    @property
    def text_before(self) -> str:
        """The name as version 0.2 decoded it: by the flag alone. Unpackings that it began are resumed by it."""
        return self.data.decode(errors="replace") if self.is_utf8 else self.data.decode("cp437")


class DirectoryView:
    """An archive for ``zipfile``, which reads all names in it as cp437 and therefore can always read them.

    ``zipfile`` refuses a whole archive for one name that is not UTF-8 as declared, for a damaged Unicode Path field,
    or for a comment that contains the mark of an end record. The view ends with the end record, without a comment.
    """

    def __init__(self, file: Seekable, directory: ArchiveDirectory) -> None:
        self._file, self._start, self._data = file, directory.start, _without_encodings(directory.data)
        self._end = directory.end
        self.headers: frozenset[int] = frozenset()  # offsets of the local headers, which have the flag as well

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, or fewer at the end; directory and local headers declare no encoding."""
        position = self._file.tell()
        rest = max(0, self._end - position)
        data = self._file.read(rest if size < 0 else min(size, rest))
        if data and position + len(data) == self._end:
            data = data[:-COMMENT_LENGTH_BYTES] + bytes(min(len(data), COMMENT_LENGTH_BYTES))
        if position == self._start and self._data:
            return self._data[: len(data)]
        if len(data) == LOCAL_HEADER and position in self.headers:
            (flags,) = struct.unpack_from("<H", data, LOCAL_FLAGS_OFFSET)
            return data[:LOCAL_FLAGS_OFFSET] + struct.pack("<H", flags & ~UTF8_FLAG) + data[LOCAL_FLAGS_OFFSET + 2 :]
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position and return it.

        Raises:
            OSError: the position lies before the file.
        """
        if whence == os.SEEK_END:
            offset, whence = self._end + offset, os.SEEK_SET
            if offset < 0:
                raise OSError("the position lies before the file")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return whether the position can be set."""
        return True


def read_names(directory: bytes) -> list[StoredName]:
    """Return the names of all entries of a directory, in their order."""
    return [
        StoredName(name, bool(flags & UTF8_FLAG), _unicode_path(name, extra))
        for _, flags, name, extra in _iter_entries(directory)
    ]


def decode_stored_names(names: Sequence[StoredName]) -> list[str]:
    """Return the names as text, composed (Unicode NFC), with ``/`` between folders.

    A Unicode Path field comes first, then UTF-8 where the bytes are valid, then a guess over all other names. Only
    after that a backslash separates folders: in cp932 and GBK it may be the second byte of a character.
    """
    open_names = [name.data for name in names if _declared(name) is None]
    guessed = iter(decode_names(open_names))
    texts = [declared if (declared := _declared(name)) is not None else next(guessed) for name in names]
    return [unicodedata.normalize("NFC", text).replace("\\", "/") for text in texts]


def _declared(name: StoredName) -> str | None:
    """Return the name where its encoding is declared rightly."""
    if name.unicode_path is not None:
        return name.unicode_path
    if not name.is_utf8:
        return None
    try:
        return name.data.decode()
    except UnicodeDecodeError:
        return None


def _iter_entries(directory: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield offset, flags, name and extra fields of each entry."""
    at = 0
    while at + ENTRY.size <= len(directory):
        _, flags, name, extra, comment = ENTRY.unpack_from(directory, at)
        start = at + ENTRY.size
        yield at, flags, directory[start : start + name], directory[start + name : start + name + extra]
        at = start + name + extra + comment


def _iter_fields(extra: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, number and data of each extra field, up to the first damaged one."""
    at = 0
    while at + 4 <= len(extra):
        number, size = struct.unpack_from("<2H", extra, at)
        if at + 4 + size > len(extra):
            return
        yield at, number, extra[at + 4 : at + 4 + size]
        at += 4 + size


def _unicode_path(name: bytes, extra: bytes) -> str | None:
    for _, number, data in _iter_fields(extra):
        if number == UNICODE_PATH and data[:5] == struct.pack("<BL", 1, zlib.crc32(name)):
            try:
                return data[5:].decode() or None
            except UnicodeDecodeError:
                return None
    return None


def _without_encodings(directory: bytes) -> bytes:
    """Return a directory whose entries declare no encoding, neither by flag nor by field."""
    data = bytearray(directory)
    for at, flags, name, extra in _iter_entries(directory):
        struct.pack_into("<H", data, at + FLAGS_OFFSET, flags & ~UTF8_FLAG)
        for offset, number, _ in _iter_fields(extra):
            if number == UNICODE_PATH:
                struct.pack_into("<H", data, at + ENTRY.size + len(name) + offset, UNKNOWN_FIELD)
    return bytes(data)
