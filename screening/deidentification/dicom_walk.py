"""Walking DICOM data elements (PS3.5 section 7) without making values of them.

Not pydicom's reader: this one copies nothing, needs no stack for nested sequences and stops at a number of elements,
which the web process must rely on. Where files depart from the standard it reads what pydicom reads, so that what the
worker sees is what was cleaned; the tests compare the two over pydicom's files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from screening.deidentification.cleaned import MOST_PARTS, damaged

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
KNOWN = {vr.value.encode(): vr.value for vr in VR if len(vr.value) == 2}
LONG = {vr.value for vr in EXPLICIT_VR_LENGTH_32}


class Encoding(NamedTuple):
    """How elements are encoded."""

    implicit: bool
    little: bool

    @property
    def order(self) -> str:
        """The sign of the byte order in a format of ``struct``."""
        return "<" if self.little else ">"


class Element(NamedTuple):
    """A data element: its tag, VR (empty where implicit), value, and whether its length was left open."""

    tag: int
    vr: str
    value: memoryview
    open_ended: bool


class Walker:
    """Walks the elements of one file; ``position`` is where it stands, ``encoding`` what was found there."""

    def __init__(self, data: bytes | memoryview, position: int, encoding: Encoding) -> None:
        self._data = memoryview(data)
        self.position = position
        self.encoding = encoding
        self._left = MOST_PARTS

    def group(self) -> int:
        """The group of the next element; -1 at the end."""
        if self.position + 8 > len(self._data):
            return -1
        return int(struct.unpack_from(f"{self.encoding.order}H", self._data, self.position)[0])

    def elements(self, group: int | None = None) -> Iterator[Element]:
        """Walk to the end, or while the group is the one given.

        Raises:
            FilmError: ``damaged_header``.
        """
        encoding = self.encoding = self.encoding._replace(implicit=self._is_implicit(self.position))
        while (here := self.group()) >= 0 and (group is None or here == group):
            self._count()
            tag, vr, length, start = self._header(self.position, encoding)
            if tag == ITEM_END:  # pydicom stops here as well
                return
            if length == UNDEFINED:
                end, self.position = self._items(start, encoding, tag)
            else:
                end = self.position = min(start + length, len(self._data))
            yield Element(tag, vr, self._data[start:end], length == UNDEFINED)

    def items(self, most: int) -> Iterator[memoryview]:
        """The first items of a sequence whose value is walked, each without its delimiters.

        Raises:
            FilmError: ``damaged_header``.
        """
        for _ in range(most):
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
        """Tell by the first element: where a VR would stand is the length, never so great that it looks like one."""
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
        """Tag, VR, length and where the value begins."""
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
        """Where items of an open-ended value end, and where what follows begins."""
        if tag != PIXEL_DATA:
            end = self._nested_end(start, in_item=False)
            return end, end + 8
        position = start
        while position + 8 <= len(self._data):  # fragments, of which as many are kept as there are
            self._count()
            found, length = self._tag_and_length(position)
            if found == SEQUENCE_END:
                return position, position + 8
            if found != ITEM or position + 8 + length > len(self._data):
                break
            position += 8 + length
        return position, len(self._data)

    def _nested_end(self, position: int, *, in_item: bool) -> int:
        """Offset of the delimiter that ends a sequence or an item, over whatever is nested in it."""
        # One entry a level: how an item's elements are encoded, or None between items.
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
