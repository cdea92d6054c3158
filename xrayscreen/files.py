"""Files of folders, and their digests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from xrayscreen import codes
from xrayscreen.errors import ClientError, FileError, NotSent
from xrayscreen.helper_files import count_kinds, helper_file_kind
from xrayscreen.parallel import run_parallel
from xrayscreen.upload import ByteCount, Upload, unreadable_file


@dataclass
class FoundFiles:
    """Files to send, and files that cannot be sent."""

    uploads: list[Upload] = field(default_factory=list)
    not_sent: list[NotSent] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # the kinds of the helper files

    @property
    def total(self) -> int:
        """Number of all files found, without the skipped ones."""
        return len(self.uploads) + len(self.not_sent)


def find_files(sources: Sequence[Path], recursive: bool = True) -> FoundFiles:
    """Return the files of folders, and the files that are named themselves.

    A file's name is its path within its folder; with several folders the folder's name comes first. Helper files and
    hidden files are skipped, see :mod:`xrayscreen.helper_files`, but not a file that is named itself.

    Args:
        sources: files and folders.
        recursive: also search the folders inside a folder.

    Raises:
        ClientError: ``no_such_file`` or ``folder_empty``.
    """
    found, seen = FoundFiles(), set[str]()
    prefixed = sum(source.is_dir() for source in sources) > 1
    for source in sources:
        if source.is_dir():
            prefix = f"{source.resolve().name}/" if prefixed else ""
            entries = _walk(source, prefix, recursive)
        elif source.exists():
            entries = iter([(source.name, source, None)])
        else:
            raise ClientError(codes.NO_SUCH_FILE, name=make_printable(str(source)))
        for name, path, problem in entries:
            _add_entry(found, seen, name if source.is_dir() else "", make_printable(name), path, problem)
    if not found.total:
        names = ", ".join(make_printable(str(source)) for source in sources)
        if found.skipped:
            raise ClientError(codes.ONLY_SKIPPED, names=names, skipped=", ".join(count_kinds(found.skipped)))
        raise ClientError(codes.FOLDER_EMPTY, names=names)
    return found


def hash_files(uploads: Iterable[Upload], read: ByteCount = id) -> FoundFiles:
    """Return the uploads in the same order with their digests, computed by four threads.

    Args:
        uploads: what to hash.
        read: called from several threads with the number of bytes read.
    """

    def work(numbered: tuple[int, Upload], _stop: Event) -> Upload | FileError:
        try:
            sha256, size = numbered[1].digest(read)
        except FileError as error:
            return error
        return replace(numbered[1], sha256=sha256, size=size)

    results: dict[int, Upload] = {}
    found = FoundFiles()
    for (number, upload), future in run_parallel(work, enumerate(uploads)):
        result = future.result()
        if isinstance(result, FileError):
            found.not_sent.append(NotSent.of(upload.name, result))
        else:
            results[number] = result
    found.uploads = [results[number] for number in sorted(results)]
    return found


def make_printable(text: str) -> str:
    """Return a name for a terminal or a request, with unprintable characters replaced."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _walk(folder: Path, prefix: str, recursive: bool) -> Iterator[tuple[str, Path, NotSent | None]]:
    """Yield name, path and the reason if it cannot be sent, in the order of the names."""
    failed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(name for name in folders if recursive)
        for name in sorted([*files, *folders]):
            path = Path(parent, name)
            full = prefix + path.relative_to(folder).as_posix()
            if path.is_file():
                yield full, path, None
            elif path.is_symlink() and path.is_dir():
                yield (
                    full,
                    path,
                    NotSent.of(full, FileError(codes.LINKED_FOLDER)),
                )
            elif not path.is_dir():
                yield full, path, NotSent.of(full, FileError(codes.NOT_A_FILE))
    for error in failed:
        path = Path(error.filename)
        full = prefix + path.relative_to(folder).as_posix()
        yield full, path, NotSent.of(full, FileError(codes.FOLDER_UNREADABLE, error=error.strerror or error))


def _add_entry(found: FoundFiles, seen: set[str], inner: str, name: str, path: Path, problem: NotSent | None) -> None:
    """Add an entry unless its path was added before; ``inner`` is its path in a folder that is searched."""
    place = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow a link
    if place in seen:
        return
    seen.add(place)
    if kind := helper_file_kind(inner):
        found.skipped.append(kind)
        return
    if problem is not None:
        found.not_sent.append(replace(problem, name=name))
        return
    try:
        found.uploads.append(Upload(name, path, size=path.stat().st_size))
    except OSError as error:
        found.not_sent.append(NotSent.of(name, unreadable_file(error)))
