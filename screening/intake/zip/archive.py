"""ZIP archives of films: what one holds, told from its directory, and its files one by one, within limits.

Nothing is ever written under a name that an archive gives: its files go through the door and are stored under
generated names. Names are refused all the same where they look for a way out, since nobody means well by them.

Every file in an archive is yielded exactly once, as bytes or as a refusal, always in the same order and under a name
that no other file of it has, so that whoever was interrupted can go on where the rows end. Archives inside it are
opened one level deep; like folders, they have no row of their own, their files have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile, ZipInfo

from django.conf import settings

from ml.errors import FilmError, Reason
from screening.codes import film_codes
from screening.intake.zip import directory as archive_directory
from screening.intake.zip.directory import Seekable, damaged
from screening.intake.zip.members import (
    ENCRYPTED,
    HARMLESS,
    STRONGLY_ENCRYPTED,
    UNREADABLE,
    helper,
    inflate,
    is_folder,
    refuse_file,
)
from screening.intake.zip.members import Limits as Limits
from screening.intake.zip.members import is_archive as is_archive

PATH_LENGTH = 200  # characters; a longer path loses its beginning, so that its name fits into a row
# Formats that are a ZIP inside: Office (ECMA-376-2), OpenDocument and EPUB (OCF), Java.
NO_ARCHIVES = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})


@dataclass(frozen=True)
class Contents:
    """What an archive holds by its directory.

    Attributes:
        entries: everything it lists.
        files: the user's files; no folders, and none of an operating system's helper files.
        unpacked_bytes: what they say they have, unpacked.
        left_out: the helper files, counted by kind: ``"3 × __MACOSX"``.
    """

    entries: int
    files: int
    unpacked_bytes: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A file of an archive: its bytes, or why there are none. Or, before those of an archive, what it leaves out.

    Attributes:
        path: its name in the archive; whoever shows it cleans it.
        data: its bytes.
        refusal: why it is not taken.
        size: its bytes as the directory has it.
        left_out: helper files of the archive that begins here, counted by kind; then neither data nor refusal.
    """

    path: str
    data: bytes | None = None
    refusal: Reason | None = None
    size: int = 0
    left_out: tuple[str, ...] = ()


def limits() -> Limits:
    """The deployment's limits."""
    return Limits(
        settings.MAX_FILE_BYTES, settings.MAX_ARCHIVE_MEMBERS, settings.MAX_UNPACKED_BYTES, settings.MAX_ARCHIVE_RATIO
    )


def inspect(file: Seekable, limits: Limits) -> Contents:
    """Read an archive's directory, and nothing of its files.

    Args:
        file: the archive, seekable.
        limits: what it may have.

    Raises:
        FilmError: ``archive_damaged``, ``archive_kind``, ``archive_empty``, ``archive_encrypted``,
            ``archive_too_many_members``, ``archive_too_large``, ``archive_ratio`` or ``archive_overlap``.
    """
    return _Archive(file, limits).contents


def members(
    file: Seekable, limits: Limits, *, named: Callable[[str], str] = str, done: Mapping[str, int] | None = None
) -> Iterator[Member]:
    """Take the files out of an archive, one in memory at a time, with the archive inside that it came from.

    An archive inside is held in memory, since it is no larger than a film may be, and nothing is left on a disk by
    whoever is killed.

    Args:
        file: the archive, seekable.
        limits: what it may have.
        named: the name that the row of a path gets.
        done: bytes of the files that need not be taken out again, by the name of their row.

    Raises:
        FilmError: as :func:`inspect`, before anything is yielded; what is wrong with one file refuses that alone.
        OSError: when the archive cannot be read.
    """
    return _Reader(_Archive(file, limits), limits, named, done or {}).members()


class _Archive:
    """An archive whose directory is within the limits."""

    def __init__(self, file: Seekable, limits: Limits) -> None:
        directory = archive_directory.locate(file, limits.members)
        try:
            self.zip = ZipFile(file)
        except UNREADABLE as error:
            raise damaged("its directory cannot be read") from error
        listed = self.zip.infolist()
        archive_directory.refuse_overlaps(listed, directory.start)
        helpers = Counter(name for name in map(helper, listed) if name)
        self.files = [info for info in listed if not is_folder(info) and not helper(info)]
        self.contents = Contents(
            entries=len(listed),
            files=len(self.files),
            unpacked_bytes=sum(info.file_size for info in self.files),
            left_out=tuple(f"{number:,} × {name}" for name, number in sorted(helpers.items())),
        )
        _refuse_kind(listed, self.files)
        _refuse_size(self.contents.unpacked_bytes, directory.start + directory.size, limits)


class _Reader:
    """Goes through an archive and the archives inside it, and keeps count of what they have together."""

    def __init__(self, outer: _Archive, limits: Limits, named: Callable[[str], str], done: Mapping[str, int]) -> None:
        self._outer, self._limits, self._named, self._done = outer, limits, named, done
        self._names = _Names(named)
        self._paths = [self._names.take(info.orig_filename) for info in outer.files]
        # Rows are made in order, so all before the last file that has any is done. Archives inside it among them are
        # not opened again: their rows tell how much they had.
        index = {named(path): number for number, path in enumerate(self._paths)}
        owners = {name: _owner(name, index) for name in done}
        self._first = max(owners.values(), default=0)
        inside = [size for name, size in done.items() if name not in index and owners[name] < self._first]
        self._entries = outer.contents.entries + len(inside)
        self._bytes = outer.contents.unpacked_bytes + sum(inside)

    def members(self) -> Iterator[Member]:
        """All that are not done, see :func:`members`."""
        yield from _left_out("", self._outer)
        for number in range(max(0, self._first), len(self._paths)):
            if self._named(self._paths[number]) not in self._done:
                yield from self._of(self._outer.files[number], self._paths[number])

    def _of(self, info: ZipInfo, path: str) -> Iterator[Member]:
        """A file, or the files of an archive."""
        member = _member(self._outer.zip, info, path, self._limits)
        inner: _Archive | None = None
        if member.data is not None and is_archive(member.data):
            try:
                inner = self._opened(member.data)
            except FilmError as error:
                member = _refused(path, info, error)
        if inner is None:
            yield member
            return
        del member
        yield from _left_out(path, inner)
        names = _Names(self._named, self._names.taken)
        for file in inner.files:
            inner_path = names.take(f"{path}/{file.orig_filename}")
            if self._named(inner_path) not in self._done:
                yield _member(inner.zip, file, inner_path, self._limits, inside=True)

    def _opened(self, data: bytes) -> _Archive:
        """An archive inside, for which the limits leave what the others have not used."""
        left = replace(
            self._limits,
            members=max(0, self._limits.members - self._entries),
            unpacked_bytes=max(0, self._limits.unpacked_bytes - self._bytes),
        )
        inner = _Archive(BytesIO(data), left)
        self._entries += inner.contents.entries
        self._bytes += inner.contents.unpacked_bytes
        return inner


class _Names:
    """Paths of which no two give rows the same name; the same archive has the same ones each time."""

    def __init__(self, named: Callable[[str], str], others: Collection[str] = ()) -> None:
        self._named, self._others = named, others
        self._times: Counter[str] = Counter()
        self.taken: set[str] = set()

    def take(self, path: str) -> str:
        """A path of its own: the second file of a name gets a number, a long one loses its beginning."""
        shown = wanted = _shortened(path)
        while (name := self._named(shown)) in self.taken or name in self._others:
            self._times[wanted] += 1
            shown = _shortened(f"{wanted} ({self._times[wanted] + 1})")
        self.taken.add(name)
        return shown


def _shortened(path: str) -> str:
    if len(path) <= PATH_LENGTH:
        return path
    digest = sha256(path.encode()).hexdigest()[:12]  # for what is cut off may tell it from others
    return f"{digest}…{path[len(digest) + 1 - PATH_LENGTH :]}"


def _owner(name: str, index: Mapping[str, int]) -> int:
    """Which file of an archive a row's name is from: its own, or an archive inside; -1 where that is not known."""
    while name and name not in index:
        name = name.rpartition("/")[0]
    return index.get(name, -1)


def _left_out(path: str, archive: _Archive) -> Iterator[Member]:
    if archive.contents.left_out:
        yield Member(path, left_out=archive.contents.left_out)


def _member(archive: ZipFile, info: ZipInfo, path: str, limits: Limits, *, inside: bool = False) -> Member:
    try:
        refuse_file(info, limits)
        return Member(path, inflate(archive, info, inside=inside), size=info.file_size)
    except FilmError as error:
        return _refused(path, info, error)


def _refused(path: str, info: ZipInfo, error: FilmError) -> Member:
    # The reason alone: the error keeps alive what its frames hold, such as the file's bytes.
    return Member(path, refusal=error.reason, size=info.file_size)


def _refuse_kind(listed: Iterable[ZipInfo], files: Collection[ZipInfo]) -> None:
    if NO_ARCHIVES.intersection(info.orig_filename for info in listed):
        raise FilmError(film_codes.ARCHIVE_KIND)
    if not files:
        raise FilmError(film_codes.ARCHIVE_EMPTY)
    if all(info.flag_bits & (ENCRYPTED | STRONGLY_ENCRYPTED) for info in files):
        raise FilmError(film_codes.ARCHIVE_ENCRYPTED)


def _refuse_size(unpacked: int, packed: int, limits: Limits) -> None:
    if unpacked > max(HARMLESS, limits.ratio * packed):
        raise FilmError(film_codes.ARCHIVE_RATIO, ratio=limits.ratio)
    if unpacked > limits.unpacked_bytes:
        raise FilmError(film_codes.ARCHIVE_TOO_LARGE, size=unpacked, most=limits.unpacked_bytes)
