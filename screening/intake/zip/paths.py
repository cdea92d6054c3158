"""Paths of the files of an archive, by which their rows are found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from hashlib import sha256

MAX_PATH_CHARACTERS = 200  # the beginning of a longer path is cut off, so that the name fits into a row


class UniquePaths:
    """Assigns paths so that no two rows get the same name; the same archive gets the same paths each time."""

    def __init__(self, row_name: Callable[[str], str], others: Collection[str] = ()) -> None:
        self._row_name, self._others = row_name, others
        self._times: Counter[str] = Counter()
        self.taken: set[str] = set()

    def assign(self, path: str) -> str:
        """Return a unique path: the second file of a name gets a number, a long path loses its beginning."""
        shown = wanted = _shorten_path(path)
        while (name := self._row_name(shown)) in self.taken or name in self._others:
            self._times[wanted] += 1
            shown = _shorten_path(f"{wanted} ({self._times[wanted] + 1})")
        self.taken.add(name)
        return shown


def _shorten_path(path: str) -> str:
    if len(path) <= MAX_PATH_CHARACTERS:
        return path
    digest = sha256(path.encode()).hexdigest()[:12]  # paths may differ only in the part that is cut off
    return f"{digest}…{path[len(digest) + 1 - MAX_PATH_CHARACTERS :]}"
