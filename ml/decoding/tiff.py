"""Checks of a TIFF's first directory before Pillow reads it: its size, and the polarity of deep greys.

Source: TIFF 6.0 (Adobe, 1992) section 2, and BigTIFF, which has 8-byte counts and offsets.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES_PER_PIXEL, SAMPLE_FORMAT = 258, 262, 277, 339
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED, SIGNED = 1, 2  # Sample Format; unsigned where the tag is absent
WIDE = 32  # bits a sample
SHORT = 3
TEXT_TYPES = frozenset({1, 2, 7})  # BYTE, ASCII and UNDEFINED, which Pillow keeps as one object
MAX_ENTRIES = 4_096
MAX_NUMBERS = 1 << 20  # in one entry, each becomes a Python object; a film with one strip a row has 65,535


@dataclass(frozen=True)
class Entry:
    """An entry of a TIFF directory: its type, its number of values, and the offset of its value field."""

    kind: int
    count: int
    at: int


class TiffDirectory:
    """The first directory of a TIFF file."""

    def __init__(self, data: bytes) -> None:
        """Read the entries of the directory.

        Raises:
            ValueError: when it has more entries or numbers than any film has.
            struct.error: when it is cut short.
        """
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        big = data[2:4] in (b"+\0", b"\0+")
        offset, head, count, value = ("8xQ", "Q", "HHQ", 8) if big else ("4xI", "H", "HHI", 4)
        (at,) = struct.unpack_from(self.order + offset, data)
        (entries,) = struct.unpack_from(self.order + head, data, at)
        if entries > MAX_ENTRIES:
            raise ValueError(f"{entries} entries")
        at += struct.calcsize("=" + head)
        self.entries: dict[int, Entry] = {}
        for _ in range(entries):
            tag, kind, numbers = struct.unpack_from(self.order + count, data, at)
            if kind not in TEXT_TYPES and numbers > MAX_NUMBERS:
                raise ValueError(f"{numbers} values in one entry")
            at += struct.calcsize("=" + count)
            # Of two entries of a tag the first counts, as in Pillow.
            self.entries.setdefault(tag, Entry(kind, numbers, at))
            at += value

    def short(self, tag: int, default: int) -> int:
        """Return a single number of two bytes, or ``default`` if the tag is absent or of another type."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind != SHORT or entry.count != 1:
            return default
        return int(struct.unpack_from(self.order + "H", self.data, entry.at)[0])

    def is_deep_grey(self) -> bool:
        """Return whether a pixel is one grey value of more than eight bits."""
        return self.short(SAMPLES_PER_PIXEL, 1) == 1 and self.short(BITS_PER_SAMPLE, 1) > 8

    def is_deep_inverted(self) -> bool:
        """Return whether a pixel is one grey value of more than eight bits, and the largest value is black."""
        return self.is_deep_grey() and self.short(PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO

    def is_unsigned(self) -> bool:
        """Return whether values are unsigned integers."""
        return self.short(SAMPLE_FORMAT, UNSIGNED) == UNSIGNED

    def readable(self) -> bytes:
        """Return the file with tags that Pillow can read: zero is black, big-endian 32-bit integers are signed.

        Pillow inverts greys of up to eight bits; deep greys it does not invert, or does not read at all.
        """
        changes = {PHOTOMETRIC: BLACK_IS_ZERO} if self.is_deep_inverted() else {}
        wide = self.is_deep_grey() and self.short(BITS_PER_SAMPLE, 1) == WIDE
        if wide and self.order == ">" and self.short(SAMPLE_FORMAT, SIGNED) == UNSIGNED:
            changes[SAMPLE_FORMAT] = SIGNED
        if not changes:
            return self.data
        changed = bytearray(self.data)
        for tag, value in changes.items():
            struct.pack_into(self.order + "H", changed, self.entries[tag].at, value)
        return bytes(changed)
