"""Archives that mean harm."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO

from tests.hostile.pictures import sound


def packed(members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """A deflated archive of these."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def slip() -> bytes:
    """Names that lead out of any folder; the films under them are sound."""
    names = ("../../../../etc/cron.d/x", "/etc/passwd.png", "C:\\windows\\x.png", "a/../../b.png")
    return packed([(name, sound("png", 100 + number)) for number, name in enumerate(names)])


def links() -> bytes:
    """A symbolic link and a device, as Unix notes them in the external attributes."""
    members = []
    for name, mode in (("link.png", stat.S_IFLNK | 0o777), ("device.png", stat.S_IFCHR | 0o666)):
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        members.append((info, b"/etc/passwd"))
    return packed([*members, ("sound.png", sound("png", 110))])


def bomb(megabytes: int = 2048) -> bytes:
    """One member that unpacks to a thousand times its size."""
    buffer = BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("film.png", "w", force_zip64=True) as member,
    ):
        for _ in range(megabytes):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


def bombs_in_archives(copies: int = 16) -> bytes:
    """Archives in archives in archives, the way of 42.zip."""
    inner = packed([("film.png", bytes(32 << 20))])
    for level in range(3):
        inner = packed([(f"{level}-{number}.zip", inner) for number in range(copies)])
    return inner


def overlapping(copies: int = 500) -> bytes:
    """One body that every entry of the directory claims (Fifield, A better zip bomb, USENIX WOOT 2019)."""
    data = bytes(1 << 20)
    body = zlib.compress(data, 9)[2:-4]
    crc = zlib.crc32(data)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(body), len(data), 5, 0) + b"0.png" + body
    entry = (
        struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(body), len(data), 5, 0, 0, 0, 0, 0, 0)
        + b"0.png"
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, copies, copies, len(entry) * copies, len(local), 0)
    return local + entry * copies + end


def that_lies_of_its_size() -> bytes:
    """A member that says it unpacks to 100 bytes, and unpacks to 200 million."""
    whole = bytearray(packed([("film.png", bytes(200_000_000))]))
    for magic, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", whole, whole.index(magic) + offset, 100)
    return bytes(whole)


def that_lies_of_its_number() -> bytes:
    """A directory that says it has 65,000 entries, and has one."""
    whole = bytearray(packed([("film.png", sound("png", 111))]))
    struct.pack_into("<HH", whole, whole.index(b"PK\5\6") + 8, 65_000, 65_000)
    return bytes(whole)


def encrypted() -> bytes:
    """The flag of encryption set, on noise."""
    whole = bytearray(packed([("film.png", sound("png", 112))]))
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        whole[whole.index(magic) + offset] |= 1
    return bytes(whole)


def cut_short() -> bytes:
    """Half of an archive."""
    whole = packed([(f"{number}.png", sound("png", 120 + number)) for number in range(4)])
    return whole[: len(whole) // 2]


def damaged_inside() -> bytes:
    """The directory is sound, a member's bytes are not."""
    whole = bytearray(packed([("bad.png", sound("png", 130)), ("good.png", sound("png", 131))]))
    for at in range(200, 260):
        whole[at] ^= 0x5A
    return bytes(whole)


def mixed() -> bytes:
    """What a person might really send, with a few strange names; nothing here is hostile but one."""
    return packed(
        [
            ("study/a.png", sound("png", 140)),
            ("study/b", sound("dicom", 141)),
            ("study/deep/er/c.jpg", sound("jpeg", 142)),
            ("study/inner.zip", packed([("d.webp", sound("webp", 143)), ("again.zip", packed([("e.png", b"x")]))])),
            ("study/häßlich ☢.tif", sound("tiff", 144)),
            ("study/readme.txt", b"not a film"),
            ("study/a copy.png", sound("png", 140)),
        ]
    )
