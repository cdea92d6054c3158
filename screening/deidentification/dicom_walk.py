"""Reader of DICOM data elements (PS3.5 section 7) that does not decode their values.

It is not pydicom's reader: this one copies nothing, does not recurse into nested sequences and reads at most
``MAX_PARTS`` elements, so that a hostile file cannot exhaust the web process. Where a file departs from the standard,
it reads the same elements as pydicom, so that the worker sees what was cleaned; tests compare both over pydicom's
files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from screening.deidentification.cleaned import MAX_PARTS, damaged

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
KNOWN = {vr.value.encode(): vr.value for vr in VR if len(vr.value) == 2}
LONG = {vr.value for vr in EXPLICIT_VR_LENGTH_32}


class Encoding(NamedTuple):
    """The encoding of elements: implicit or explicit VR, and the byte order."""

    implicit: bool
    little: bool

    @property
    def order(self) -> str:
        """The character of ``struct`` for the byte order."""
        return "<" if self.little else ">"


class Element(NamedTuple):
    """A data element: its tag, VR (empty where implicit), value, and whether its length is undefined."""

    tag: int
    vr: str
    value: memoryview
    open_ended: bool


class Walker:
    """Iterator over the elements of one file; ``position`` is the next byte, ``encoding`` the one found there."""

    def __init__(self, data: bytes | memoryview, position: int, encoding: Encoding) -> None:
        self._data = memoryview(data)
        self.position = position
        self.encoding = encoding
        self._left = MAX_PARTS

    def group(self) -> int:
        """Return the group of the next element; -1 at the end."""
        if self.position + 8 > len(self._data):
            return -1
        return int(struct.unpack_from(f"{self.encoding.order}H", self._data, self.position)[0])

    def elements(self, group: int | None = None) -> Iterator[Element]:
        """Yield elements up to the end, or as long as they are of the given group.

        Raises:
            FilmError: ``damaged_header``.
        """
        encoding = self.encoding = self.encoding._replace(implicit=self._is_implicit(self.position))
        while (here := self.group()) >= 0 and (group is None or here == group):
            self._count()
            tag, vr, length, start = self._header(self.position, encoding)
            if tag == ITEM_END:  # pydicom stops here too
                return
            if length == UNDEFINED:
                end, self.position = self._items(start, encoding, tag)
            else:
                end = self.position = min(start + length, len(self._data))
            yield Element(tag, vr, self._data[start:end], length == UNDEFINED)

    def items(self, max_items: int) -> Iterator[memoryview]:
        """Yield the first items of a sequence, each without its delimiters; the data is the sequence's value.

        Raises:
            FilmError: ``damaged_header``.
        """
        for _ in range(max_items):
            tag, length = self._tag_and_length(self.position) if self.group() >= 0 else (0, 0)
            start = self.position + 8
            if tag != ITEM:
                return
            if length == UNDEFINED:
                end = self._nested_end(start, in_item=True)
                self.position = end + 8
            else:
                end = self.position = min(start + length, len(self._data))
            yield self._data[start:end]

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise damaged("dicom")

    def _is_implicit(self, position: int) -> bool:
        """Return whether the first element has no VR: its length is there, never so large that it looks like a VR."""
        vr = bytes(self._data[position + 4 : position + 6])
        if len(vr) < 2:
            return self.encoding.implicit
        return not (vr.isalpha() and vr.isupper())

    def _tag_and_length(self, position: int) -> tuple[int, int]:
        if position + 8 > len(self._data):
            raise damaged("dicom")
        group, element, length = struct.unpack_from(f"{self.encoding.order}HHI", self._data, position)
        return group << 16 | element, length

    def _header(self, position: int, encoding: Encoding) -> tuple[int, str, int, int]:
        """Return tag, VR, length and the offset of the value."""
        tag, length = self._tag_and_length(position)
        letters = bytes(self._data[position + 4 : position + 6])
        if encoding.implicit or not (letters in KNOWN or b"AA" <= letters <= b"ZZ"):
            return tag, "", length, position + 8
        vr = KNOWN.get(letters, "UN")
        if letters in KNOWN and vr in LONG:
            if position + 12 > len(self._data):
                raise damaged("dicom")
            return tag, vr, struct.unpack_from(f"{encoding.order}I", self._data, position + 8)[0], position + 12
        return tag, vr, struct.unpack_from(f"{encoding.order}H", self._data, position + 6)[0], position + 8

    def _items(self, start: int, encoding: Encoding, tag: int) -> tuple[int, int]:
        """Return the offset where the items of an open-ended value end, and that of the next element."""
        if tag != PIXEL_DATA:
            end = self._nested_end(start, in_item=False)
            return end, end + 8
        position = start
        while position + 8 <= len(self._data):  # fragments; the last ones may be missing
            self._count()
            found, length = self._tag_and_length(position)
            if found == SEQUENCE_END:
                return position, position + 8
            if found != ITEM:
                break
            position += 8 + length  # beyond the end where the file was cut short
        return min(position, len(self._data)), len(self._data)

    def _nested_end(self, position: int, *, in_item: bool) -> int:
        """Return the offset of the delimiter that ends a sequence or an item, skipping what is nested in it."""
        # One entry a level: the encoding of an item's elements, or None between items.
        levels: list[Encoding | None] = [self._item_encoding(position) if in_item else None]
        while True:
            self._count()
            encoding = levels[-1]
            tag, length = self._tag_and_length(position)
            if tag == (SEQUENCE_END if encoding is None else ITEM_END):
                levels.pop()
                if not levels:
                    return position
                position += 8
            elif encoding is None:
                if tag != ITEM:
                    raise damaged("dicom")
                position += 8
                if length == UNDEFINED:
                    levels.append(self._item_encoding(position))
                else:
                    position += length
            else:
                _, _, length, position = self._header(position, encoding)
                if length == UNDEFINED:
                    levels.append(None)
                else:
                    position += length

    def _item_encoding(self, position: int) -> Encoding:
        return self.encoding._replace(implicit=self.encoding.implicit or self._is_implicit(position))
