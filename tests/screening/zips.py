"""ZIP archives of every shape, well-made and not; those that mean harm to a running system are in tests/hostile."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from unittest.mock import patch
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

LOCAL, CENTRAL, END = "<4s5H3L2H", "<4s6H3L5H2L", "<4s4H2LH"  # APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16
DIRECTORY = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<L"), "packed": (20, "<L"), "size": (24, "<L"),
             "offset": (42, "<L")}  # fmt: skip
AT_END = {"disk": (4, "<H"), "here": (8, "<H"), "entries": (10, "<H"), "size": (12, "<L"), "offset": (16, "<L")}
Files = Mapping[str, bytes] | Sequence[tuple[str | ZipInfo, bytes]]


class Stream(BytesIO):
    """Where an archive is streamed to: its sizes stand behind the files only (data descriptors, 4.3.9)."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError("a stream")

    def tell(self) -> int:
        raise OSError("a stream")


def zip_of(files: Files, method: int = ZIP_DEFLATED, to: BytesIO | None = None) -> bytes:
    """A well-made archive; pairs in place of a mapping may repeat a name."""
    out = BytesIO() if to is None else to
    with ZipFile(out, "w", method) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data, method)
    return out.getvalue()


def zip64_of(files: Files) -> bytes:
    """The same with the directory that archives of more than 65,535 files have."""
    with patch.object(zipfile, "ZIP_FILECOUNT_LIMIT", 0):
        return zip_of(files)


def special(name: str, mode: int) -> tuple[ZipInfo, bytes]:
    """A link, a device or whatever else a Unix mode names."""
    info = ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info, b"/etc/passwd"


def named(name: bytes, data: bytes = b"data") -> bytes:
    """An archive of one file whose name is exactly these bytes."""
    stand_in = "x" * len(name)
    return zip_of({stand_in: data}).replace(stand_in.encode(), name)


def nameless(data: bytes = b"data") -> bytes:
    """An archive of one file that has no name at all."""
    sizes = zlib.crc32(data), len(data), len(data)
    file = struct.pack(LOCAL, b"PK\x03\x04", 20, 0, 0, 0, 33, *sizes, 0, 0) + data
    entry = _entry(b"", sizes, 0)
    return patched(file + entry + _end(1, len(entry), len(file)), method=0)


def patched(archive: bytes, number: int = 0, **fields: int) -> bytes:
    """An archive whose directory says something else of one file: flags, method, crc, packed, size or offset."""
    at = -1
    for _ in range(number + 1):
        at = archive.index(b"PK\x01\x02", at + 1)
    return _overwritten(archive, at, DIRECTORY, fields)


def ended(archive: bytes, **fields: int) -> bytes:
    """An archive whose end record says something else: disk, here, entries, size or offset."""
    return _overwritten(archive, archive.rindex(b"PK\x05\x06"), AT_END, fields)


def quoted(files: int, zeros: int) -> bytes:
    """Files of which each unpacks to the next one's header and all that it has (Fifield, WOOT 2019, section 4)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = bytes(zeros)
    data = packer.compress(plain) + packer.flush()
    entries, chain = [], b""
    for number in reversed(range(files)):
        name = f"{number:04}".encode()
        sizes = zlib.crc32(plain), len(data), len(plain)
        header = struct.pack(LOCAL, b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes, len(name), 0) + name
        chain = header + data
        entries.append((name, sizes, len(chain)))
        plain, data = header + plain, struct.pack("<BHH", 0, len(header), 0xFFFF ^ len(header)) + chain
    listed = [_entry(name, sizes, len(chain) - length) for name, sizes, length in entries]
    return chain + b"".join(listed) + _end(files, sum(map(len, listed)), len(chain))


def crowded(entries: int, *, said: int) -> bytes:
    """A directory of many empty files, of which the end record says another number."""
    entry = _entry(b"x", (0, 0, 0), 0)
    local = struct.pack(LOCAL, b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"x"
    return local + entry * entries + _end(said, len(entry) * entries, len(local))


def _entry(name: bytes, sizes: tuple[int, int, int], offset: int) -> bytes:
    places = (len(name), 0, 0, 0, 0, 0, offset)
    return struct.pack(CENTRAL, b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes, *places) + name


def _end(entries: int, size: int, offset: int) -> bytes:
    return struct.pack(END, b"PK\x05\x06", 0, 0, entries, entries, size, offset, 0)


def _overwritten(archive: bytes, at: int, places: Mapping[str, tuple[int, str]], fields: Mapping[str, int]) -> bytes:
    out = bytearray(archive)
    for field, value in fields.items():
        place, form = places[field]
        struct.pack_into(form, out, at + place, value)
    return bytes(out)


def with_names(names: Sequence[bytes], *, flags: int = 0, extra: Mapping[int, bytes] | None = None) -> bytes:
    """An archive of stored files with exactly these names, whose data is their number.

    Args:
        names: the names as bytes.
        flags: the general purpose flags of all of them, in both headers.
        extra: extra fields of single files, by number.
    """
    files, entries = b"", b""
    for number, name in enumerate(names):
        data, field = str(number).encode(), (extra or {}).get(number, b"")
        sizes = zlib.crc32(data), len(data), len(data)
        offset = len(files)
        files += struct.pack(LOCAL, b"PK\x03\x04", 20, flags, 0, 0, 33, *sizes, len(name), 0) + name + data
        places = (len(name), len(field), 0, 0, 0, 0, offset)
        entries += struct.pack(CENTRAL, b"PK\x01\x02", 20, 20, flags, 0, 0, 33, *sizes, *places) + name + field
    return files + entries + _end(len(names), len(entries), len(files))


def unicode_path(name: bytes, text: str, *, crc: int | None = None) -> bytes:
    """The extra field of Info-ZIP with a name as UTF-8 (4.6.9)."""
    data = struct.pack("<BL", 1, zlib.crc32(name) if crc is None else crc) + text.encode()
    return struct.pack("<2H", 0x7075, len(data)) + data
