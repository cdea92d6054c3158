"""Processes of the stack under test: finding, killing and freezing them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import psutil

T = TypeVar("T")

PATIENCE = 150  # seconds; how long a test waits, not how fast the system must be


def until(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Wait for a condition and return what it answered."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"it did not happen in {patience:.0f} s: {what}"
        time.sleep(0.02)
    return answer


def tree(pid: int) -> list[psutil.Process]:
    """A process and everything below it, the process itself first; what has ended meanwhile is left out."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL, without a chance to say goodbye."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def frozen(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """SIGSTOP for the length of the block; whoever was killed meanwhile stays dead."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()
