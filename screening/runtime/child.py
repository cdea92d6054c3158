"""One process with its log file, its own process group, and an end tied to the supervisor's."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from screening.runtime.accounts import Account
from screening.runtime.console import Console
from screening.runtime.log_file import LogFile

_LAUNCHER = Path(__file__).with_name("_launch.py")
_TAIL_LINES = 25
_POLL_SECONDS = 0.02
_LOG_JOIN_SECONDS = 1.0


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one process; times are seconds.

    ``ready`` gets the process id and answers whether the process serves; ``before_start`` runs before
    each start, restarts included. ``death_signal`` is what the kernel sends when the supervisor is killed.
    With ``private`` the standard output may hold a secret: it is kept in memory and written nowhere.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    ready: Callable[[int], bool] | None = None
    ready_timeout: float = 60.0
    before_start: Callable[[], None] | None = None
    echo: bool = True
    private: bool = False


def launch_command(command: Sequence[str], death_signal: signal.Signals, account: Account | None = None) -> list[str]:
    """Return the command that runs ``command`` through the launcher of this package."""
    identity = [str(account.uid), str(account.gid)] if account else ["-1", "-1"]
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(death_signal))]
    return [*launcher, *identity, *command]


class Child:
    """A started process. Make it in a thread that outlives it: the death signal belongs to the thread."""

    def __init__(self, spec: ProcessSpec, log_file: Path, console: Console) -> None:
        self.spec = spec
        self.private_output: list[str] = []
        self._ended = False
        self._console = console
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._log = LogFile(log_file)
        self._process = subprocess.Popen(
            launch_command(spec.command, spec.death_signal, spec.account),
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if spec.private else subprocess.STDOUT,
            start_new_session=True,
        )
        streams = [self._process.stdout, self._process.stderr]
        takers = [self.private_output.append, self._take_line] if spec.private else [self._take_line]
        self._readers = [
            threading.Thread(target=_read_lines, args=(stream, take), name=f"log-{spec.name}", daemon=True)
            for stream, take in zip(streams, takers, strict=False)
        ]
        try:
            for reader in self._readers:
                reader.start()
        except RuntimeError as error:  # no thread available: a process that is not recorded must not keep running
            self._process.kill()
            self._process.wait()
            raise OSError(errno.EAGAIN, str(error)) from error

    @property
    def pid(self) -> int:
        """Process id, which is the id of the process group too."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code (negative: minus the signal number), or None while it runs."""
        return self._process.poll()

    def tail(self) -> str:
        """Return the last output lines."""
        if self.poll() is not None:
            self._join_readers()
        return "\n".join(self._tail.copy())

    def stop(self, kill_now: threading.Event | None = None) -> bool:
        """Ask the process to end, and kill its whole group after the grace period or when ``kill_now`` is set.

        Returns whether it ended without being killed.
        """
        if self._ended:  # its process group id may belong to another program by now
            return True
        graceful = self._terminate(kill_now)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # also what the process itself left in its group
        self._process.wait()
        self._ended = True
        self._join_readers()
        if not any(reader.is_alive() for reader in self._readers):
            self._log.close()
        return graceful

    def _terminate(self, kill_now: threading.Event | None) -> bool:
        if self.poll() is None:
            self._process.send_signal(self.spec.stop_signal)
        deadline = time.monotonic() + self.spec.grace
        while self.poll() is None:
            if time.monotonic() > deadline or (kill_now is not None and kill_now.is_set()):
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _join_readers(self) -> None:
        for reader in self._readers:
            reader.join(_LOG_JOIN_SECONDS)

    def _take_line(self, line: str) -> None:
        self._tail.append(line)
        self._log.write(line)
        if self.spec.echo:
            self._console.process_line(self.spec.name, line)


def _read_lines(stream: IO[bytes], take: Callable[[str], None]) -> None:
    with stream:
        for raw in stream:
            take(raw.decode("utf-8", "replace").rstrip("\r\n"))


def describe_exit(code: int) -> str:
    """Put an exit code into words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
