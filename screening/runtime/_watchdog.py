"""Outlives the supervisor by some seconds and ends what a killed supervisor left. Runs as a script.

The supervisor tells the process groups through a pipe: ``+ID`` began, ``-ID`` ended. When the pipe
closes, the death signals of ``_launch.py`` have gone out already; a group that is still there after
the grace period is killed. This catches what a death signal cannot: the children of a child.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_POLL_SECONDS = 0.1


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def _read_groups() -> list[int]:
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    return groups


def _main(grace: float) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = _read_groups()
    deadline = time.monotonic() + grace
    while groups and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        groups = [group for group in groups if _is_alive(group)]
    for group in groups:
        if _is_alive(group):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _main(float(sys.argv[1]))
