"""Progress reports: bars on a terminal, plain lines elsewhere, nothing by default."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

SECONDS_A_LINE = 10


class Step:
    """One step of the work and how much of it is done. This class reports nothing."""

    def add(self, amount: int) -> None:
        """Report that ``amount`` more units are done. Safe to call from several threads."""

    def at(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` units are done."""


class ProgressReporter:
    """A receiver of progress. This class reports nothing."""

    def step(self, title: str, total: int, unit: str) -> AbstractContextManager[Step]:
        """Begin a step of ``total`` units."""
        return nullcontext(Step())

    def say(self, line: str) -> None:
        """Print a line."""


class TerminalReporter(ProgressReporter):
    """A reporter that writes bars to a terminal, or plain lines to a file."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr

    def step(self, title: str, total: int, unit: str) -> AbstractContextManager[Step]:
        """Begin a step of ``total`` units."""
        if self._file.isatty():
            return _Bar(title, total, unit, self._file)
        return _Lines(title, total, unit, self._file)

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, file=self._file, flush=True)


class _Bar(Step):
    def __init__(self, title: str, total: int, unit: str, file: TextIO) -> None:
        large = unit == "B"
        self._bar = tqdm(total=total, desc=title, unit=unit, unit_scale=large, unit_divisor=1000, file=file)
        self._lock = Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self._bar.update(amount)

    def at(self, done: int, total: int) -> None:
        with self._lock:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def __enter__(self) -> Step:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


class _Lines(Step):
    """Progress as a line every few seconds, and one at the end."""

    def __init__(self, title: str, total: int, unit: str, file: TextIO) -> None:
        self._title, self._total, self._unit, self._file = title, total, unit, file
        self._done = 0
        self._next = time.monotonic() + SECONDS_A_LINE
        self._lock = Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            if time.monotonic() >= self._next:
                self._print()

    def at(self, done: int, total: int) -> None:
        self._total = total
        self.add(done - self._done)

    def __enter__(self) -> Step:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._print()

    def _print(self) -> None:
        self._next = time.monotonic() + SECONDS_A_LINE
        print(f"{self._title}: {self._done:,} of {self._total:,} {self._unit}", file=self._file, flush=True)
