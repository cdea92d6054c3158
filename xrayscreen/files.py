"""Which files a folder holds, and their digests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from xrayscreen.errors import ClientError, FileError, NotSent
from xrayscreen.lanes import in_lanes
from xrayscreen.upload import Moved, Upload, unreadable


@dataclass
class Found:
    """What there is to send, and what there is but cannot be sent."""

    uploads: list[Upload] = field(default_factory=list)
    not_sent: list[NotSent] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Files, sendable or not."""
        return len(self.uploads) + len(self.not_sent)


def find(sources: Sequence[Path], recursive: bool = True) -> Found:
    """Every file of some folders, and the files that are named themselves.

    Files are called by their path within their folder; where several folders are named, the folder's own name comes
    first. Hidden files and folders of a folder are left out.

    Args:
        sources: files and folders.
        recursive: also what lies in folders of a folder.

    Raises:
        ClientError: ``no_such_file`` or ``folder_empty``.
    """
    found, seen = Found(), set[str]()
    prefixed = sum(source.is_dir() for source in sources) > 1
    for source in sources:
        if source.is_dir():
            prefix = f"{source.resolve().name}/" if prefixed else ""
            entries = _walk(source, prefix, recursive)
        elif source.exists():
            entries = iter([(source.name, source, None)])
        else:
            raise ClientError("no_such_file", f"There is no file or folder {printable(str(source))}.")
        for name, path, problem in entries:
            _note(found, seen, printable(name), path, problem)
    if not found.total:
        raise ClientError("folder_empty", f"There is no file in {', '.join(printable(str(one)) for one in sources)}.")
    return found


def hashed(uploads: Iterable[Upload], read: Moved = id) -> Found:
    """The same uploads in the same order with their digests, which four threads take.

    Args:
        uploads: what to hash.
        read: called from several threads with the number of bytes that were read.
    """

    def work(numbered: tuple[int, Upload], _stop: Event) -> Upload | FileError:
        try:
            sha256, size = numbered[1].digest(read)
        except FileError as error:
            return error
        return replace(numbered[1], sha256=sha256, size=size)

    results: dict[int, Upload] = {}
    found = Found()
    for (number, upload), future in in_lanes(work, enumerate(uploads)):
        result = future.result()
        if isinstance(result, FileError):
            found.not_sent.append(NotSent(upload.name, result.code, result.sentence))
        else:
            results[number] = result
    found.uploads = [results[number] for number in sorted(results)]
    return found


def printable(text: str) -> str:
    """A name as it may be written on a terminal and into a request, whatever bytes the file system has."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _walk(folder: Path, prefix: str, recursive: bool) -> Iterator[tuple[str, Path, NotSent | None]]:
    """Name, path and, where it cannot be sent, why; in the order of the names."""
    failed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(one for one in folders if recursive and not one.startswith("."))
        for name in sorted(one for one in [*files, *folders] if not one.startswith(".")):
            path = Path(parent, name)
            full = prefix + path.relative_to(folder).as_posix()
            if path.is_file():
                yield full, path, None
            elif path.is_symlink() and path.is_dir():
                yield (
                    full,
                    path,
                    NotSent(full, "linked_folder", "A link to a folder is not followed; name the folder."),
                )
            elif not path.is_dir():
                yield full, path, NotSent(full, "not_a_file", "It is a broken link, a pipe or a device, not a file.")
    for error in failed:
        path = Path(error.filename)
        full = prefix + path.relative_to(folder).as_posix()
        yield full, path, NotSent(full, "folder_unreadable", unreadable(error).sentence)


def _note(found: Found, seen: set[str], name: str, path: Path, problem: NotSent | None) -> None:
    """Add an entry, unless it was named before."""
    place = os.path.abspath(path)  # noqa: PTH100  # resolve() would take a link for its target
    if place in seen:
        return
    seen.add(place)
    if problem is not None:
        found.not_sent.append(replace(problem, name=name))
        return
    try:
        found.uploads.append(Upload(name, path, size=path.stat().st_size))
    except OSError as error:
        found.not_sent.append(NotSent(name, "file_unreadable", unreadable(error).sentence))
