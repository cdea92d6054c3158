"""Become another program that ends when the supervisor ends. Runs as a script, before any package.

Usage: _launch.py SUPERVISOR_PID DEATH_SIGNAL UID GID PROGRAM [ARGUMENT...], with -1 for "unchanged".

The order matters: a change of user clears the death signal, so the user changes first. A wrapper does
this instead of ``preexec_fn`` because the latter is unsafe in a process with threads.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PRIVATE_UMASK = 0o077


def _end_with_parent(parent: int, death_signal: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it ended before the request was in force
        os._exit(1)


def _main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(value) for value in arguments[:4])
    program = arguments[4:]
    import ctypes  # noqa: F401  # read now: the new user may not be able to read the standard library

    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    _end_with_parent(parent, death_signal)
    # An ignored signal stays ignored in the new program; Python itself ignores SIGPIPE.
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.umask(_PRIVATE_UMASK)
    try:
        os.execvpe(program[0], program, os.environ)  # noqa: S606  # becoming the program is the point
    except OSError as error:
        sys.stderr.write(f"cannot run {program[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    _main(sys.argv[1:])
