"""The supervisor: starts processes in order, restarts those that die, stops all in reverse order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from screening.runtime import codes
from screening.runtime.child import Child, ProcessSpec, describe_exit
from screening.runtime.console import Console
from screening.runtime.errors import StartupError
from screening.runtime.log_file import read_log, rotate

_WATCHDOG = Path(__file__).with_name("_watchdog.py")
_MONITOR_SECONDS = 0.1
_MAX_READY_POLL = 0.25


@dataclass(frozen=True)
class RestartPolicy:
    """The pause before a dead process is restarted, in seconds.

    The first wait is ``back_off``; each death of the last ``window`` seconds doubles it, up to ``longest``.
    """

    window: float = 120.0
    back_off: float = 0.5
    longest: float = 15.0

    def pause(self, deaths: int) -> float:
        """Return the wait after a death that came after ``deaths`` others."""
        return float(min(self.back_off * 2 ** min(deaths, 30), self.longest))


@dataclass
class _Entry:
    spec: ProcessSpec
    child: Child
    watched: bool = False
    deaths: deque[float] = field(default_factory=deque)
    restart_at: float | None = None
    trouble: str = ""  # the last error in watching it, so that it is reported once


class Supervisor:
    """A context manager that runs processes; leaving it stops every process, the last started first.

    A process that has been ready once is restarted without limit, at growing intervals: the cause may be a full
    disk or a server that does not answer, which can last longer than any number of attempts.
    """

    def __init__(
        self,
        log_dir: Path,
        console: Console,
        *,
        policy: RestartPolicy | None = None,
        watchdog_grace: float = 10.0,
    ) -> None:
        self._log_dir = log_dir
        self._console = console
        self._policy = policy or RestartPolicy()
        self._watchdog_grace = watchdog_grace
        self._entries: list[_Entry] = []
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._kill_now = threading.Event()
        self._stopped = threading.Event()

    def __enter__(self) -> Supervisor:
        # The kernel ties a death signal to the thread that started the process, so one thread that
        # lives as long as the supervisor starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCHDOG), str(self._watchdog_grace)],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        threading.Thread(target=self._monitor, name="monitor", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._starter.shutdown()
        if self._watchdog.stdin is not None:
            with suppress(OSError):
                self._watchdog.stdin.close()
        self._watchdog.wait()

    @property
    def stopping(self) -> bool:
        """Whether the processes are being stopped or have been stopped."""
        return self._stopping.is_set()

    def kill_now(self) -> None:
        """Kill instead of waiting for the processes that are still ending."""
        self._kill_now.set()

    def start(self, spec: ProcessSpec) -> int:
        """Start a process, wait until it is ready, watch it from then on, and return its id.

        Raises StartupError ``process-died``, ``process-not-ready`` or ``stopped``.
        """
        rotate(self._log_file(spec))
        began = time.monotonic()
        entry = self._add(spec)
        try:
            self._await_ready(entry)
        except BaseException:
            self._discard(entry)
            raise
        entry.watched = True
        self._console.say(f"{spec.name} is ready ({time.monotonic() - began:.1f} s)")
        return entry.child.pid

    def run_step(self, spec: ProcessSpec) -> str:
        """Run a process to its end and return its output, of a private one the standard output only.

        Raises StartupError ``step-failed`` with the last lines of the output.
        """
        rotate(self._log_file(spec))
        entry = self._add(spec)
        try:
            while (code := entry.child.poll()) is None:
                self._check_not_stopping()
                time.sleep(0.02)
            if code != 0:
                raise StartupError(
                    codes.STEP_FAILED, log=self._unseen_tail(entry), name=spec.name, how=describe_exit(code)
                )
        finally:
            self._discard(entry)
        if spec.private:
            return "".join(f"{line}\n" for line in entry.child.private_output)
        return read_log(self._log_file(spec))

    def wait(self) -> None:
        """Block until every process has been stopped."""
        self._stopped.wait()

    def stop(self) -> None:
        """Stop every process, the last started first. Further calls wait for the first one."""
        self._stopping.set()
        with self._lock:
            with suppress(RuntimeError):  # the starter has ended already: no process can be starting
                self._starter.submit(int).result()
            while self._entries:
                entry = self._entries[-1]
                self._stop_entry(entry)
                self._entries.pop()
        self._stopped.set()

    def _stop_entry(self, entry: _Entry) -> None:
        running = entry.child.poll() is None
        graceful = entry.child.stop(self._kill_now)
        self._tell_watchdog("-", entry.child)
        if running:
            self._console.say(f"{entry.spec.name} {'stopped' if graceful else 'was killed'}")

    def _add(self, spec: ProcessSpec) -> _Entry:
        with self._lock:
            self._check_not_stopping()
            if spec.before_start is not None:
                spec.before_start()
            return self._starter.submit(self._make_entry, spec).result()

    def _make_entry(self, spec: ProcessSpec) -> _Entry:
        # Recorded in the starter's thread: an interruption of the caller must not lose a started process.
        entry = _Entry(spec, self._spawn(spec))
        self._entries.append(entry)
        return entry

    def _spawn(self, spec: ProcessSpec) -> Child:
        child = Child(spec, self._log_file(spec), self._console)
        self._tell_watchdog("+", child)
        return child

    def _discard(self, entry: _Entry) -> None:
        with self._lock:
            if entry in self._entries:
                entry.child.stop(self._kill_now)
                self._tell_watchdog("-", entry.child)
                self._entries.remove(entry)

    def _await_ready(self, entry: _Entry) -> None:
        spec, child, log_file = entry.spec, entry.child, self._log_file(entry.spec)
        deadline = time.monotonic() + spec.ready_timeout
        pause = 0.01
        while True:
            self._check_not_stopping()
            code = child.poll()
            if code is not None:
                raise StartupError(
                    codes.PROCESS_DIED,
                    log=self._unseen_tail(entry),
                    name=spec.name,
                    how=describe_exit(code),
                    log_file=log_file,
                )
            if spec.ready is None or spec.ready(child.pid):
                return
            if time.monotonic() > deadline:
                raise StartupError(
                    codes.PROCESS_NOT_READY,
                    log=self._unseen_tail(entry),
                    name=spec.name,
                    seconds=spec.ready_timeout,
                    log_file=log_file,
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _MAX_READY_POLL)

    def _unseen_tail(self, entry: _Entry) -> str:
        """Return the last lines of the output unless they are on the screen already."""
        return "" if entry.spec.echo and self._console.shows_output else entry.child.tail()

    def _check_not_stopping(self) -> None:
        if self.stopping:
            raise StartupError(codes.STOPPED)

    def _monitor(self) -> None:
        while not self._stopping.wait(_MONITOR_SECONDS):
            with self._lock:
                for entry in self._entries:
                    if entry.watched and not self.stopping:
                        self._check_entry(entry)

    def _check_entry(self, entry: _Entry) -> None:
        """Restart a process that died. No error here may end the thread that watches all processes."""
        try:
            self._keep_alive(entry)
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
            if trouble != entry.trouble:
                entry.trouble = trouble
                self._console.alarm(f"{entry.spec.name} could not be looked after, trying again: {trouble}")

    def _keep_alive(self, entry: _Entry) -> None:
        now = time.monotonic()
        if entry.restart_at is not None:
            if now >= entry.restart_at:
                self._restart(entry)
        elif (code := entry.child.poll()) is not None:
            entry.child.stop()  # ends what the dead process left in its group
            self._tell_watchdog("-", entry.child)
            self._plan_restart(entry, f"ended unexpectedly ({describe_exit(code)})", now)

    def _plan_restart(self, entry: _Entry, what: str, now: float) -> None:
        while entry.deaths and now - entry.deaths[0] > self._policy.window:
            entry.deaths.popleft()
        pause = self._policy.pause(len(entry.deaths))
        entry.deaths.append(now)
        entry.restart_at = now + pause
        where = f"; see {self._log_file(entry.spec)}" if len(entry.deaths) > 1 else ""
        self._console.alarm(f"{entry.spec.name} {what}; restart {len(entry.deaths)} in {pause:.1f} s{where}")

    def _restart(self, entry: _Entry) -> None:
        try:
            if entry.spec.before_start is not None:
                entry.spec.before_start()
            entry.child = self._starter.submit(self._spawn, entry.spec).result()
        except Exception as error:  # the disk may be full; a later attempt may succeed
            self._plan_restart(entry, f"could not be restarted ({error})", time.monotonic())
            return
        entry.restart_at, entry.trouble = None, ""
        self._console.say(f"{entry.spec.name} was started again")

    def _tell_watchdog(self, change: str, child: Child) -> None:
        if self._watchdog.stdin is not None:
            with suppress(OSError, ValueError):
                self._watchdog.stdin.write(f"{change}{child.pid}\n".encode())
                self._watchdog.stdin.flush()

    def _log_file(self, spec: ProcessSpec) -> Path:
        return self._log_dir / f"{spec.name}.log"
