"""The supervisor, with small programs in place of the servers."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from screening.runtime import StartupError
from screening.runtime.child import Child, ProcessSpec
from screening.runtime.console import Console
from screening.runtime.supervisor import RestartPolicy, Supervisor
from tests.screening.runtime.conftest import Family, first_line, start_driver

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", {STUBBORN!r}])
print(child.pid, flush=True)
time.sleep(60)
"""
QUICK = RestartPolicy(window=60.0, back_off=0.02, longest=0.05)


def spec(name: str, code: str, **options: object) -> ProcessSpec:
    command = [sys.executable, "-I", "-S", "-c", code]
    return ProcessSpec(name=name, command=command, env=dict(os.environ), **options)  # type: ignore[arg-type]


def wrote(log_dir: Path, name: str, text: str) -> Callable[[int], bool]:
    return lambda _pid: text in (log_dir / f"{name}.log").read_text()


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_it_stops_in_reverse_order_and_leaves_nothing(tmp_path: Path, family: Family) -> None:
    screen = io.StringIO()
    with Supervisor(tmp_path, Console(screen, verbose=True)) as supervisor:
        pids = [supervisor.start(spec(name, SLEEP, ready=wrote(tmp_path, name, "up"))) for name in ("a", "b", "c")]
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert len({os.getsid(pid) for pid in [*pids, os.getpid()]}) == 4  # Ctrl-C reaches only us
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert family() == []
    lines = screen.getvalue().splitlines()
    assert [line for line in lines if line.endswith("stopped")] == ["c stopped", "b stopped", "a stopped"]
    assert "a        | up" in lines


def test_a_process_that_will_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    screen = io.StringIO()
    with Supervisor(tmp_path, Console(screen)) as supervisor:
        supervisor.start(spec("deaf", STUBBORN, grace=0.2, ready=wrote(tmp_path, "deaf", "up")))
        supervisor.start(spec("parent", PARENT, ready=wrote(tmp_path, "parent", "up")))
        grandchild = int((tmp_path / "parent.log").read_text().split()[0])
        assert psutil.pid_exists(grandchild)
    assert "deaf was killed" in screen.getvalue()
    wait_until(lambda: not is_running(grandchild))


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


DRIVER = f"""
import os, signal, sys
from pathlib import Path
from screening.runtime.child import ProcessSpec
from screening.runtime.console import Console
from screening.runtime.supervisor import Supervisor
log = Path(sys.argv[1])
def spec(name, code):
    return ProcessSpec(name=name, command=[sys.executable, "-I", "-S", "-c", code], env=dict(os.environ),
        ready=lambda _pid: "up" in (log / (name + ".log")).read_text())
with Supervisor(log, Console(), watchdog_grace=0.5) as supervisor:
    first = supervisor.start(spec("plain", {SLEEP!r}))
    second = supervisor.start(spec("parent", {PARENT!r}))
    print(first, second, (log / "parent.log").read_text().split()[0], flush=True)
    signal.pause()
"""


def test_a_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    driver = start_driver(DRIVER, str(tmp_path))
    pids = [int(word) for word in first_line(driver).split()]
    helpers = [child.pid for child in psutil.Process(driver.pid).children()]
    assert len(pids) == 3
    assert set(pids[:2]) < set(helpers)  # and the watchdog
    assert all(is_running(pid) for pid in pids)
    driver.kill()
    driver.wait()
    wait_until(lambda: not any(is_running(pid) for pid in [*pids, *helpers]))


def test_a_dying_process_is_announced_and_restarted(tmp_path: Path) -> None:
    screen = io.StringIO()
    with Supervisor(tmp_path, Console(screen), policy=QUICK) as supervisor:
        first = supervisor.start(spec("web", SLEEP, ready=wrote(tmp_path, "web", "up")))
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: (tmp_path / "web.log").read_text().count("up") == 2)
    assert "web ended unexpectedly (signal SIGKILL); restart 1 in 0.0 s" in screen.getvalue()
    assert "web was started again" in screen.getvalue()
    assert "web      | up" not in screen.getvalue()  # that is in the log


def test_a_process_that_was_ready_is_restarted_for_as_long_as_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outage = tmp_path / "outage"
    code = f"""
import os, sys, time
print("up", flush=True)
if os.path.exists({str(outage)!r}):
    sys.exit(9)
time.sleep(60)
"""
    with Supervisor(tmp_path, Console(), policy=QUICK) as supervisor:
        steady = supervisor.start(spec("steady", SLEEP))
        pid = supervisor.start(spec("weak", code, ready=wrote(tmp_path, "weak", "up")))
        outage.touch()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: (tmp_path / "weak.log").read_text().count("up") > 12)
        outage.unlink()
        wait_until(lambda: is_running(pid_of(supervisor, "weak")))
        time.sleep(0.3)
        assert is_running(pid_of(supervisor, "weak"))
        assert is_running(steady)
    shown = capsys.readouterr().err
    assert "weak ended unexpectedly (exit code 9); restart 12 in 0.1 s; see " in shown


def pid_of(supervisor: Supervisor, name: str) -> int:
    return next(entry.child.pid for entry in supervisor._entries if entry.spec.name == name)


def test_waits_grow_to_a_limit() -> None:
    policy = RestartPolicy()
    pauses = [policy.pause(deaths) for deaths in range(200)]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == policy.longest < policy.window


def test_a_restart_that_the_disk_refuses_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refusals = iter([None, *[OSError(errno.ENOSPC, "No space left on device")] * 3, KeyError("surprise")])

    def before_start() -> None:
        if (refusal := next(refusals, None)) is not None:
            raise refusal

    with Supervisor(tmp_path, Console(), policy=QUICK) as supervisor:
        pid = supervisor.start(spec("web", SLEEP, before_start=before_start, ready=wrote(tmp_path, "web", "up")))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: (tmp_path / "web.log").read_text().count("up") == 2)
        assert next(refusals, "all used") == "all used"
    assert "could not be restarted ([Errno 28] No space left on device); restart 3" in capsys.readouterr().err


def test_the_watch_over_the_processes_survives_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [True]
    stop = Child.stop

    def raise_at_first(child: Child, kill_now: threading.Event | None = None) -> bool:
        if broken[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return stop(child, kill_now)

    monkeypatch.setattr(Child, "stop", raise_at_first)
    with Supervisor(tmp_path, Console(), policy=QUICK) as supervisor:
        pid = supervisor.start(spec("web", SLEEP, ready=wrote(tmp_path, "web", "up")))
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)  # several looks that fail
        broken[0] = False
        wait_until(lambda: (tmp_path / "web.log").read_text().count("up") == 2)
    assert capsys.readouterr().err.count("could not be looked after") == 1


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path, family: Family) -> None:
    with Supervisor(tmp_path, Console()) as supervisor:
        with pytest.raises(StartupError, match=r"ended during its start \(exit code 3\)") as caught:
            supervisor.start(spec("bad", "print('no disk'); raise SystemExit(3)", ready=lambda _pid: False))
        assert (caught.value.code, caught.value.log) == ("process-died", "no disk")
        with pytest.raises(StartupError) as caught:
            supervisor.start(spec("slow", SLEEP, ready=lambda _pid: False, ready_timeout=0.1))
        assert caught.value.code == "process-not-ready"
        assert family() == [psutil.Process(supervisor._watchdog.pid)]


def test_a_step_returns_its_output_or_says_what_failed(tmp_path: Path) -> None:
    with Supervisor(tmp_path, Console()) as supervisor:
        assert supervisor.run_step(spec("step", "print('made 3 tables')")) == "made 3 tables\n"
        with pytest.raises(StartupError) as caught:
            supervisor.run_step(spec("step", "raise SystemExit('no table')"))
        assert (caught.value.code, caught.value.log) == ("step-failed", "no table")
    assert (tmp_path / "step.log.1").read_text() == "made 3 tables\n"


def test_private_output_is_returned_and_written_nowhere(tmp_path: Path) -> None:
    screen = io.StringIO()
    code = "import sys; print('password 123'); print('a warning', file=sys.stderr)"
    with Supervisor(tmp_path, Console(screen)) as supervisor:
        assert supervisor.run_step(spec("step", code, private=True, echo=False)) == "password 123\n"
    assert (tmp_path / "step.log").read_text() == "a warning\n"
    assert "password" not in screen.getvalue()


def test_files_of_a_process_are_private(tmp_path: Path) -> None:
    target = tmp_path / "film"
    with Supervisor(tmp_path, Console()) as supervisor:
        supervisor.run_step(spec("step", f"open({str(target)!r}, 'w')"))
    assert target.stat().st_mode & 0o077 == 0
    assert (tmp_path / "step.log").stat().st_mode & 0o077 == 0


def test_the_loss_of_the_display_ends_nothing(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as screen, Supervisor(tmp_path, Console(screen)) as supervisor:
        assert supervisor.run_step(spec("step", "print('a\\n' * 3)"))


def test_a_display_on_a_full_disk_is_used_again_when_there_is_room() -> None:
    class Full(io.StringIO):
        full = True

        def flush(self) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")

    stream = Full()
    console = Console(stream)
    console.alarm("lost or late")
    stream.full = False
    console.alarm("shown")
    assert stream.getvalue().endswith("shown\n")


def test_sigint_and_a_second_one(tmp_path: Path) -> None:
    """The first one stops in order, the second one does not wait for the deaf."""
    script = f"""
import os, sys
from pathlib import Path
from screening.runtime.child import ProcessSpec
from screening.runtime.console import Console
from screening.runtime.signals import interrupt_on_signals
from screening.runtime.supervisor import Supervisor
log = Path(sys.argv[1])
deaf = ProcessSpec(
    name="deaf", command=[sys.executable, "-I", "-S", "-c", {STUBBORN!r}], env=dict(os.environ), grace=60,
    ready=lambda _pid: "up" in (log / "deaf.log").read_text())
with Supervisor(log, Console()) as supervisor, interrupt_on_signals(supervisor):
    try:
        print(supervisor.start(deaf), flush=True)
        supervisor.wait()
    except KeyboardInterrupt:
        print("stopping", flush=True)
        supervisor.stop()
"""
    driver = start_driver(script, str(tmp_path))
    pid = int(first_line(driver))
    driver.send_signal(signal.SIGINT)
    assert first_line(driver) == "stopping"
    time.sleep(0.2)
    assert is_running(pid)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(10) == 0
    assert not is_running(pid)
