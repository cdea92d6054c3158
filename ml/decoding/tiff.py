"""Directories of a TIFF file, which of them is the film, and the file as Pillow can read it.

Source: TIFF 6.0 (Adobe, 1992) section 2, TIFF Technical Note 1 (trees of directories), and BigTIFF, which has 8-byte
counts and offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ml.decoding.further_pictures import is_smaller_copy

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE = 254, 255, 256, 257, 258
PHOTOMETRIC, SAMPLES_PER_PIXEL, CHILDREN, SAMPLE_FORMAT = 262, 277, 330, 339
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
REDUCED, MASK, DEPTH_MAP = 1, 4, 8  # bits of NewSubfileType; the last is of DNG 1.5
OLD_REDUCED = 2  # SubfileType, which is retired
# struct's letter of a whole number by its type; 13 and 18 are offsets of directories, 16 to 18 are BigTIFF's.
NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
TEXT_TYPES = frozenset({1, 2, 7})  # BYTE, ASCII and UNDEFINED, which Pillow keeps as one object
MAX_ENTRIES = 4_096
MAX_NUMBERS = 1 << 20  # in one entry, each becomes a Python object; a film with one strip a row has 65,535
MAX_SHORT_LIST = 64  # numbers of an entry that are read here
MAX_PAGES = 64  # directories that are looked at


@dataclass(frozen=True)
class Entry:
    """An entry of a TIFF directory: its type, its number of values, and the offset of its value field."""

    kind: int
    count: int
    at: int


class TiffDirectory:
    """A directory of a TIFF file.

    Attributes:
        at: its offset.
        following: offset of the next directory, 0 for none.
        order: byte order as in ``struct``.
        is_big: whether the file is a BigTIFF.
        entries: by tag.
    """

    def __init__(self, data: bytes, at: int | None = None) -> None:
        """Read the entries of the directory.

        Args:
            data: the file.
            at: offset of the directory; that of the first if omitted.

        Raises:
            ValueError: when it has more entries or numbers than any film has.
            struct.error: when it is cut short.
        """
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.is_big = data[2:4] in (b"+\0", b"\0+")
        self._offset, head, count, self._inline = ("Q", "Q", "HHQ", 8) if self.is_big else ("I", "H", "HHI", 4)
        if at is None:
            (at,) = struct.unpack_from(self.order + self._offset, data, self._inline)
        self.at = at
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
            at += self._inline
        after = data[at : at + self._inline]  # some writers end the last directory without it
        self.following = struct.unpack(self.order + self._offset, after)[0] if len(after) == self._inline else 0

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of an entry, at most ``MAX_SHORT_LIST``; none if it has no such."""
        entry = self.entries.get(tag)
        letter = NUMBERS.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        form = f"{self.order}{min(entry.count, MAX_SHORT_LIST)}{letter}"
        at = entry.at
        if entry.count * struct.calcsize("=" + letter) > self._inline:
            (at,) = struct.unpack_from(self.order + self._offset, self.data, at)
        try:
            return struct.unpack_from(form, self.data, at)
        except struct.error:  # outside the file
            return ()

    def octets(self, tag: int) -> bytes:
        """Return the value of an entry of bytes; empty if it is absent or of another type."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in TEXT_TYPES:
            return b""
        at = entry.at
        if entry.count > self._inline:
            (at,) = struct.unpack_from(self.order + self._offset, self.data, at)
        return self.data[at : at + entry.count]

    def number(self, tag: int, default: int) -> int:
        """Return the first number of an entry, or ``default`` if there is none."""
        return next(iter(self.numbers(tag)), default)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, 0 where the directory has none."""
        return self.number(WIDTH, 0), self.number(HEIGHT, 0)

    @property
    def bits(self) -> int:
        """Bits of the first sample; of the others, see :mod:`ml.decoding.tiff_layout`."""
        return self.number(BITS_PER_SAMPLE, 1)

    @property
    def is_picture(self) -> bool:
        """Whether the directory has a picture."""
        return min(self.size) > 0

    @property
    def is_marked_reduced(self) -> bool:
        """Whether its picture is a smaller copy, a mask or a map of depths, as the file says."""
        marks = self.number(NEW_SUBFILE_TYPE, 0)
        old = self.number(SUBFILE_TYPE, 0) == OLD_REDUCED and NEW_SUBFILE_TYPE not in self.entries
        return bool(marks & (REDUCED | MASK | DEPTH_MAP)) or old

    def is_deep_inverted(self) -> bool:
        """Return whether a pixel is one grey value of more than eight bits, and the largest value is black."""
        deep = self.number(SAMPLES_PER_PIXEL, 1) == 1 and self.bits > 8
        return deep and self.number(PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO

    def as_first(self) -> bytes:
        """Return the file with this directory as its first; a copy only where another is the first."""
        first = struct.pack(self.order + self._offset, self.at)
        if self.data[self._inline : 2 * self._inline] == first:
            return self.data
        return b"".join([self.data[: self._inline], first, memoryview(self.data)[2 * self._inline :]])

    def for_pillow(self) -> bytes:
        """Return the file with this directory as its first, and zero as black.

        Pillow inverts greys of up to eight bits; deep greys it does not invert.
        """
        data = self.as_first()
        entry = self.entries.get(PHOTOMETRIC)
        if entry is None or not self.is_deep_inverted():
            return data
        changed = bytearray(data)
        struct.pack_into(self.order + NUMBERS[entry.kind], changed, entry.at, BLACK_IS_ZERO)
        return bytes(changed)


@dataclass(frozen=True)
class TiffFilm:
    """The film of a TIFF file.

    Attributes:
        directory: of the film.
        pictures: number of pictures of full size in the file; 2 also stands for any number above.
        left_out: number of smaller copies and masks.
    """

    directory: TiffDirectory
    pictures: int
    left_out: int


def find_film(data: bytes) -> TiffFilm:
    """Find the largest picture among the pages of a TIFF file and their subdirectories.

    A page is no picture of its own if the file calls it a smaller copy or a mask, or if it has the shape of the
    largest and at most half its width and height, which previews without that mark have.

    Raises:
        ValueError, struct.error: when the first directory cannot be read, see :class:`TiffDirectory`.
    """
    directories = list(_walk_directories(data))
    pages = [page for page in directories if page.is_picture]
    if not pages:
        return TiffFilm(directories[0], 1, 0)
    full = [page for page in pages if not page.is_marked_reduced]
    candidates = full or [page for page in pages if not page.number(NEW_SUBFILE_TYPE, 0) & MASK] or pages
    film = max(candidates, key=lambda page: page.size[0] * page.size[1])  # the first of several
    others = [page for page in full if page is not film and not is_smaller_copy(page.size, film.size)]
    too_many = len(directories) > MAX_PAGES
    return TiffFilm(film, 2 if others or too_many else 1, len(pages) - 1 - len(others))


def _walk_directories(data: bytes) -> Iterator[TiffDirectory]:
    """Yield the first directory, those that follow it and their subdirectories, at most one more than ``MAX_PAGES``.

    The list of a hostile file may be endless. Directories behind the first have at most ``MAX_ENTRIES`` together.
    """
    first = TiffDirectory(data)
    yield first
    seen = {first.at, 0}
    waiting = [*first.numbers(CHILDREN), first.following]
    entries = 0
    while waiting and len(seen) <= MAX_PAGES + 1 and entries <= MAX_ENTRIES:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        try:
            directory = TiffDirectory(data, at)
        except (ValueError, struct.error):  # a page that cannot be read does not spoil the others
            continue
        entries += len(directory.entries)
        yield directory
        waiting += [*directory.numbers(CHILDREN), directory.following]
