"""Finding and ending the servers that a killed supervisor left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

_STOP_SECONDS = 10.0


def stop_leftovers(directory: Path, program: str) -> int:
    """End every process named ``program`` whose working directory is ``directory``; return their number.

    PostgreSQL and Valkey both work inside their data directory. That finds them even when the file
    with their process id is gone, and never confuses them with another program that has a reused id. The caller
    holds the lock of the instance, so no other supervisor is responsible for them.
    """
    found = [process for process in psutil.process_iter() if _works_in(process, directory, program)]
    for process in found:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(found, timeout=_STOP_SECONDS)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)
    return len(found)


def _works_in(process: psutil.Process, directory: Path, program: str) -> bool:
    try:
        if process.name() != program:
            return False
        try:
            return process.cwd() == str(directory)
        except psutil.AccessDenied:  # root without the right to look into others, as in many containers
            return str(directory) in process.cmdline()
    except psutil.Error:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; Valkey saves and ends as well
    except psutil.Error:
        return
