"""ZIP archives of films: contents by their directory, and their files one at a time, within limits.

Nothing is ever written under a name from an archive: its files pass through intake and are stored under generated
names. Names that point outside the archive are rejected all the same, as only an attacker makes them.

Every file in an archive is yielded exactly once, as bytes or as a refusal, always in the same order and under a name
that no other file of it has, so that an interrupted unpacking can resume behind the last row. Nested archives are
opened one level deep; like folders, they have no row of their own, only their files have.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from zipfile import ZipFile, ZipInfo

from django.conf import settings

from ml.errors import FilmError, Reason
from screening.codes import film_codes
from screening.intake.zip import directory as archive_directory
from screening.intake.zip.directory import Seekable, damaged
from screening.intake.zip.members import (
    ENCRYPTED,
    HARMLESS_BYTES,
    READ_ERRORS,
    STRONGLY_ENCRYPTED,
    ZipLimits,
    is_archive,
    is_folder,
    read_member,
    require_allowed,
    require_size,
)
from screening.intake.zip.names import DirectoryView, decode_stored_names, read_names
from screening.intake.zip.paths import UniquePaths
from xrayscreen.helper_files import count_kinds, helper_file_kind

# Entries of formats that are based on ZIP: Office (ECMA-376-2), OpenDocument and EPUB (OCF), Java.
ZIP_BASED_FORMATS = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})


@dataclass(frozen=True)
class ArchiveContents:
    """The contents of an archive by its directory.

    Attributes:
        entries: the number of all entries.
        files: the number of the user's files, without folders and helper files.
        unpacked_bytes: their declared bytes, unpacked.
        skipped: helper files, counted by kind: ``"3 × __MACOSX"``.
    """

    entries: int
    files: int
    unpacked_bytes: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A file of an archive with its bytes or a refusal. Or, before an archive's files, its skipped helper files.

    Attributes:
        path: its name in the archive; has to be cleaned for display.
        data: its bytes.
        refusal: the reason why it is rejected.
        size: its bytes as declared in the directory.
        skipped: helper files of the archive that begins here, counted by kind; then neither data nor refusal.
    """

    path: str
    data: bytes | None = None
    refusal: Reason | None = None
    size: int = 0
    skipped: tuple[str, ...] = ()


def zip_limits() -> ZipLimits:
    """Return the deployment's limits for archives."""
    return ZipLimits(
        settings.MAX_FILE_BYTES, settings.MAX_ARCHIVE_MEMBERS, settings.MAX_UNPACKED_BYTES, settings.MAX_ARCHIVE_RATIO
    )


def read_contents(file: Seekable, limits: ZipLimits) -> ArchiveContents:
    """Read an archive's directory, without its files.

    Args:
        file: the archive, seekable.
        limits: the limits that it must keep.

    Raises:
        FilmError: ``archive_damaged``, ``archive_split``, ``archive_kind``, ``archive_empty``, ``archive_encrypted``,
            ``archive_too_many_members``, ``archive_too_large``, ``archive_ratio`` or ``archive_overlap``.
    """
    return _Archive(file, limits).contents


def iter_members(
    file: Seekable, limits: ZipLimits, *, row_name: Callable[[str], str] = str, done: Mapping[str, int] | None = None
) -> Iterator[Member]:
    """Yield the files of an archive; only one of them, with its nested archive, is in memory at a time.

    A nested archive is held in memory, as it is no larger than a film may be; so a killed process leaves nothing on
    the disk.

    Args:
        file: the archive, seekable.
        limits: the limits that it must keep.
        row_name: returns the name of the row for a path.
        done: bytes of the files that have a row already, by the name of the row.

    Raises:
        FilmError: as :func:`read_contents`, before anything is yielded; an error of one file rejects only that file.
        OSError: the archive cannot be read.
    """
    return _Reader(_Archive(file, limits), limits, row_name, done or {}).iter_members()


class _Archive:
    """An archive whose directory is within the limits; ``filename`` of each entry is its decoded name."""

    def __init__(self, file: Seekable, limits: ZipLimits) -> None:
        directory = archive_directory.locate_directory(file, limits.members)
        view = DirectoryView(file, directory)
        try:
            self.zip = ZipFile(view)
        except READ_ERRORS as error:
            raise damaged("its directory cannot be read") from error
        self._view, listed = view, self.zip.infolist()
        view.headers = frozenset(info.header_offset for info in listed)
        names = read_names(directory.data)
        for info, name in zip(listed, decode_stored_names(names), strict=True):
            info.filename = name
        archive_directory.refuse_overlaps(listed, directory.start)
        files = [(info, stored) for info, stored in zip(listed, names, strict=True) if not is_folder(info)]
        kinds = [helper_file_kind(info.filename) for info, _ in files]
        self.files = [info for (info, _), kind in zip(files, kinds, strict=True) if not kind]
        self.names_before = [stored.text_before for (_, stored), kind in zip(files, kinds, strict=True) if not kind]
        self._starts = sorted([*view.headers, directory.start])
        self.contents = ArchiveContents(
            entries=len(listed),
            files=len(self.files),
            unpacked_bytes=sum(info.file_size for info in self.files),
            skipped=count_kinds(kind for kind in kinds if kind),
        )
        _refuse_kind(listed, self.files)
        _refuse_size(self.contents.unpacked_bytes, directory.start + directory.size, limits)

    def read_file(self, info: ZipInfo, path: str, limits: ZipLimits, *, nested: bool = False) -> Member:
        """Return a file with its bytes or a refusal."""
        try:
            require_allowed(info, limits)
            require_size(self._view, info, self._starts[bisect_right(self._starts, info.header_offset)])
            return Member(path, read_member(self.zip, info, nested=nested), size=info.file_size)
        except FilmError as error:
            return _refused_member(path, info, error)


class _Reader:
    """Iterator over an archive and its nested archives; counts entries and bytes of all of them together."""

    def __init__(
        self, archive: _Archive, limits: ZipLimits, row_name: Callable[[str], str], done: Mapping[str, int]
    ) -> None:
        self._outer, self._limits, self._row_name, self._done = archive, limits, row_name, done
        self._paths = self._assign_paths(archive)
        # Rows are inserted in order, so all files before the last one with a row are done. Nested archives among them
        # are not opened again: their rows show how many files and bytes they had.
        index = self._index(self._paths)
        self._taken = set(index)
        owners = {name: _owner_index(name, index) for name in done}
        self._first = max(owners.values(), default=0)
        nested = [size for name, size in done.items() if name not in index and owners[name] < self._first]
        self._entries = archive.contents.entries + len(nested)
        self._bytes = archive.contents.unpacked_bytes + sum(nested)

    def iter_members(self) -> Iterator[Member]:
        """Yield the files that are not done, see the function :func:`iter_members`."""
        yield from _skipped_files("", self._outer)
        for number in range(max(0, self._first), len(self._paths)):
            if self._row_name(self._paths[number]) not in self._done:
                yield from self._read_entry(self._outer.files[number], self._paths[number])

    def _read_entry(self, info: ZipInfo, path: str) -> Iterator[Member]:
        """Yield a file, or the files of a nested archive."""
        member = self._outer.read_file(info, path, self._limits)
        nested_archive: _Archive | None = None
        if member.data is not None and is_archive(member.data):
            try:
                nested_archive = self._open_nested(member.data)
            except FilmError as error:
                member = _refused_member(path, info, error)
        if nested_archive is None:
            yield member
            return
        del member
        yield from _skipped_files(path, nested_archive)
        inner_paths = self._assign_paths(nested_archive, f"{path}/", self._taken)
        for file, inner_path in zip(nested_archive.files, inner_paths, strict=True):
            if self._row_name(inner_path) not in self._done:
                yield nested_archive.read_file(file, inner_path, self._limits, nested=True)

    def _assign_paths(self, archive: _Archive, folder: str = "", taken: Collection[str] = ()) -> list[str]:
        """Return a unique path for each file of an archive, below the path of its own.

        Where more of the rows that are done fit the names of the previous version, it began this unpacking, and its
        names stay.
        """

        def assign(names: Iterable[str]) -> list[str]:
            unique = UniquePaths(self._row_name, taken)
            return [unique.assign(f"{folder}{name}") for name in names]

        paths = assign(info.filename for info in archive.files)
        if not self._done:
            return paths
        paths_before = assign(archive.names_before)
        return max((paths, paths_before), key=self._count_done)  # the former where both fit

    def _count_done(self, paths: Sequence[str]) -> int:
        """Return how many of the rows that are done belong to these paths."""
        index = self._index(paths)
        return sum(_owner_index(name, index) >= 0 for name in self._done)

    def _index(self, paths: Sequence[str]) -> dict[str, int]:
        return {self._row_name(path): number for number, path in enumerate(paths)}

    def _open_nested(self, data: bytes) -> _Archive:
        """Open a nested archive within the rest of the limits that the other archives have not used."""
        remaining = replace(
            self._limits,
            members=max(0, self._limits.members - self._entries),
            unpacked_bytes=max(0, self._limits.unpacked_bytes - self._bytes),
        )
        nested_archive = _Archive(BytesIO(data), remaining)
        self._entries += nested_archive.contents.entries
        self._bytes += nested_archive.contents.unpacked_bytes
        return nested_archive


def _owner_index(name: str, index: Mapping[str, int]) -> int:
    """Return the index of the file or nested archive that a row's name belongs to; -1 where that is not known."""
    while name and name not in index:
        name = name.rpartition("/")[0]
    return index.get(name, -1)


def _skipped_files(path: str, archive: _Archive) -> Iterator[Member]:
    if archive.contents.skipped:
        yield Member(path, skipped=archive.contents.skipped)


def _refused_member(path: str, info: ZipInfo, error: FilmError) -> Member:
    # Only the reason: the error keeps the variables of its frames alive, the file's bytes among them.
    return Member(path, refusal=error.reason, size=info.file_size)


def _refuse_kind(listed: Iterable[ZipInfo], files: Collection[ZipInfo]) -> None:
    if ZIP_BASED_FORMATS.intersection(info.filename for info in listed):
        raise FilmError(film_codes.ARCHIVE_KIND)
    if not files:
        raise FilmError(film_codes.ARCHIVE_EMPTY)
    if all(info.flag_bits & (ENCRYPTED | STRONGLY_ENCRYPTED) for info in files):
        raise FilmError(film_codes.ARCHIVE_ENCRYPTED)


def _refuse_size(unpacked: int, packed: int, limits: ZipLimits) -> None:
    if unpacked > max(HARMLESS_BYTES, limits.ratio * packed):
        raise FilmError(film_codes.ARCHIVE_RATIO, ratio=limits.ratio)
    if unpacked > limits.unpacked_bytes:
        raise FilmError(film_codes.ARCHIVE_TOO_LARGE, size=unpacked, most=limits.unpacked_bytes)
