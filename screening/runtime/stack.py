"""The public interface of the runtime: the servers alone, or the servers with the whole application."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from screening.runtime import application, codes
from screening.runtime.console import Console
from screening.runtime.errors import StartupError
from screening.runtime.home import outside_root
from screening.runtime.instance import Instance
from screening.runtime.ports import check_web_port, choose_port
from screening.runtime.services import Endpoints, start_services
from screening.runtime.signals import Interrupted, interrupt_on_signals
from screening.runtime.supervisor import Supervisor

__all__ = ["Endpoints", "Stack", "remove_instance", "running_stack", "services"]


@dataclass(frozen=True)
class Stack:
    """A running application; ``env`` is the environment of its processes."""

    instance: Path
    base_url: str
    endpoints: Endpoints
    env: Mapping[str, str]
    supervisor: Supervisor

    def wait(self) -> None:
        """Block until a signal ends the stack."""
        with suppress(Interrupted):
            self.supervisor.wait()

    def run_management_command(self, *arguments: str) -> str:
        """Run ``manage.py`` with these arguments against the stack and return its standard output.

        That output is not logged: it may be a password or a token. Raises StartupError
        ``step-failed``.
        """
        step = application.manage_step(arguments[0], *arguments, env=self.env, private=True)
        return self.supervisor.run_step(step)


@contextmanager
def services(instance: Path, *, fast: bool = False, echo: Console | None = None) -> Iterator[Endpoints]:
    """Run PostgreSQL and Valkey for ``instance``; leaving the block stops both.

    ``fast`` gives up durability and is meant for tests. Raises StartupError.
    """
    with _session(instance, echo or Console(), fast=fast) as (_, _supervisor, endpoints):
        yield endpoints


@contextmanager
def running_stack(
    instance: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    workers: int | None = None,
    extra_env: Mapping[str, str] | None = None,
    quiet: bool = False,
    echo: Console | None = None,
    fast: bool = False,
) -> Iterator[Stack]:
    """Run the whole application for ``instance``; leaving the block stops it.

    Without ``port`` the web server takes a free one. ``workers`` is the number of worker processes; without
    it ``WORKER_PROCESSES`` says how many, by default one for each core. ``quiet`` prints nothing but alarms.
    Raises StartupError.
    """
    if port is not None:
        check_web_port(host, port)
    console = Console() if quiet or echo is None else echo
    with _session(instance, console, fast=fast) as (opened, supervisor, endpoints):
        env = application.application_environment(
            opened, endpoints, host, {**_chosen_settings(workers, fast), **(extra_env or {})}
        )
        supervisor.run_step(application.manage_step("migrate", "migrate", "--noinput", env=env))
        supervisor.run_step(application.manage_step("models", "ensure_models", env=env))
        web_port = _start_web(supervisor, env, host, port)
        supervisor.start(application.worker(opened, env))
        supervisor.start(application.beat(opened, env))
        base_url = application.base_url(host, web_port)
        opened.write_endpoints({**asdict(endpoints), "base_url": base_url})
        yield Stack(opened.root, base_url, endpoints, env, supervisor)


def remove_instance(path: Path) -> None:
    """Delete an instance with its database, also the part that lies outside the directory.

    Raises StartupError ``instance-running``.
    """
    if not path.exists():
        return
    instance = Instance.open(path)
    with instance.lock():
        outside = outside_root(instance)
        if outside is not None:
            shutil.rmtree(outside)
        shutil.rmtree(instance.root)


@contextmanager
def _session(path: Path, console: Console, *, fast: bool) -> Iterator[tuple[Instance, Supervisor, Endpoints]]:
    instance = Instance.open(path)
    with (
        instance.lock(),
        Supervisor(instance.log_dir, console) as supervisor,
        interrupt_on_signals(supervisor),
    ):
        try:
            endpoints = start_services(instance, supervisor, console, fast=fast)
            instance.write_endpoints(asdict(endpoints))
            yield instance, supervisor, endpoints
        finally:
            instance.endpoints_file.unlink(missing_ok=True)
            supervisor.stop()  # here, so that a second signal finds its handler still in place


def _chosen_settings(workers: int | None, fast: bool) -> dict[str, str]:
    """Return the caller's choices as settings of the application."""
    processes = {"WORKER_PROCESSES": str(workers)} if workers else {}
    return processes | ({"FSYNC": "0"} if fast else {})


def _start_web(supervisor: Supervisor, env: Mapping[str, str], host: str, port: int | None) -> int:
    chosen = port if port is not None else choose_port(host=host)
    try:
        supervisor.start(application.web(env, host, chosen))
    except StartupError as error:
        if error.code != codes.PROCESS_DIED.code:
            raise
        check_web_port(host, chosen)  # raises a clearer error if another program has taken the port
        raise
    return chosen
