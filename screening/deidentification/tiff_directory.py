"""Reading and writing the one directory of a TIFF file: classic or BigTIFF, either byte order (TIFF 6.0, 2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from screening.deidentification.cleaned import MAX_PARTS, damaged

# Bytes of one value by field type; 16 to 18 are BigTIFF's.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # unsigned, by field type


class Layout(NamedTuple):
    """The byte order, ``<`` or ``>``, and whether offsets have eight bytes (BigTIFF)."""

    order: str
    big: bool

    @property
    def header_size(self) -> int:
        """Bytes of the file's header."""
        return 16 if self.big else 8

    @property
    def offset(self) -> str:
        """The letter of ``struct`` for an offset."""
        return "Q" if self.big else "I"

    @property
    def offset_type(self) -> int:
        """The field type for offsets and byte counts."""
        return 16 if self.big else 4

    def pack(self, letters: str, *values: int) -> bytes:
        """Pack values with ``struct.pack`` in this byte order."""
        return struct.pack(self.order + letters, *values)


class Field(NamedTuple):
    """An entry of the directory with its values as bytes of the file."""

    tag: int
    type: int
    value_count: int
    value: bytes

    def numbers(self, layout: Layout) -> tuple[int, ...]:
        """Return the values as whole numbers; empty for other types."""
        letter = WHOLE_NUMBERS.get(self.type)
        if letter is None:
            return ()
        numbers: tuple[int, ...] = struct.unpack(f"{layout.order}{self.value_count}{letter}", self.value)
        return numbers


def read_layout(data: bytes) -> tuple[Layout, int]:
    """Read the header; returns the layout and the offset of the directory.

    Raises:
        FilmError: ``damaged_header``.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise damaged("tiff")
    version = struct.unpack_from(f"{order}H", data, 2)[0]
    if version == 42:
        return Layout(order, big=False), struct.unpack_from(f"{order}I", data, 4)[0]
    if version == 43 and struct.unpack_from(f"{order}HH", data, 4) == (8, 0):
        return Layout(order, big=True), struct.unpack_from(f"{order}Q", data, 8)[0]
    raise damaged("tiff")


def read_fields(data: bytes, layout: Layout, start: int) -> tuple[dict[int, Field], list[tuple[int, int]]]:
    """Read the directory.

    A field whose values lie outside the file has none.

    Returns:
        the fields by tag, and the ranges (start, end) of the directory and of the values that it points to.

    Raises:
        FilmError: ``damaged_header``.
    """
    count_size, entry = (8, "HHQ8s") if layout.big else (2, "HHI4s")
    entry_size, inline = struct.calcsize(f"={entry}"), 8 if layout.big else 4
    count = int.from_bytes(data[start : start + count_size], "little" if layout.order == "<" else "big")
    first = start + count_size
    if not 0 < count <= MAX_PARTS or first + count * entry_size > len(data):
        raise damaged("tiff")
    fields: dict[int, Field] = {}
    places, room = [(start, first + count * entry_size + inline)], len(data)
    for position in range(first, first + count * entry_size, entry_size):
        tag, kind, value_count, value = struct.unpack_from(layout.order + entry, data, position)
        size = value_count * TYPE_SIZES.get(kind, 0)
        if size > inline:
            offset = struct.unpack(layout.order + layout.offset, value)[0]
            room -= size  # overlapping values could ask for any amount of memory
            value = data[offset : offset + size] if room >= 0 else b""
            places += [(offset, offset + len(value))] if value else []
        value = value[:size]
        field = Field(tag, kind, value_count, value) if len(value) == size else Field(tag, 7, 0, b"")
        fields.setdefault(tag, field)  # the first of two, as in Pillow
    return fields, places


def write_file(layout: Layout, fields: list[Field], pixels: list[bytes | memoryview], end: int) -> bytes:
    """Write a file: header, pixels (which end at ``end``), values, directory."""
    inline = 8 if layout.big else 4
    values: list[bytes] = []
    entries: list[bytes] = []
    for field in sorted(fields):
        value = field.value.ljust(inline, b"\0")
        if len(value) > inline:
            value += b"\0" * (len(value) % 2)
            values.append(value)
            value, end = layout.pack(layout.offset, end), end + len(value)
        entries.append(layout.pack("HH" + layout.offset, field.tag, field.type, field.value_count) + value)
    version = layout.pack("HHHQ", 43, 8, 0, end) if layout.big else layout.pack("HI", 42, end)
    header = (b"II" if layout.order == "<" else b"MM") + version
    count = layout.pack("Q" if layout.big else "H", len(entries))
    return b"".join([header, *pixels, *values, count, *entries, bytes(inline)])
