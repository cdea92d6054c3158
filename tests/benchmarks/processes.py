"""The processes of the running system: how much processor and memory each part of it has taken."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
PARTS = ("web", "worker", "postgres", "valkey", "beat")


def parts() -> dict[str, psutil.Process]:
    """The top process of each part that this process supervises; servers of one's own are missing."""
    found = {}
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            name = _part_of(child)
            if name:
                found[name] = child
    return found


def processor_seconds() -> dict[str, float]:
    """Seconds of processor so far, by part; processes that have ended are in the sum of who started them."""
    return {name: sum(_seconds(process) for process in _tree(top)) for name, top in parts().items()}


def worker_memory() -> float:
    """Resident memory of the worker's children together, megabytes."""
    total = 0
    for process in _tree(parts()["worker"])[1:]:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total / MEGABYTE


def _part_of(process: psutil.Process) -> str | None:
    # Worker and beat are told by what they are given, not by a command line that may change.
    announced = Path(process.environ().get("SCREENING_READY_FILE", "")).stem
    if announced in PARTS:
        return announced
    command = " ".join(process.cmdline())
    marks = {"web": "gunicorn", "postgres": "bin/postgres", "valkey": "valkey-server"}
    return next((name for name, mark in marks.items() if mark in command), None)


def _tree(top: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [top, *top.children(recursive=True)]
    return []


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0
