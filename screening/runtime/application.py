"""Processes of the application: command, environment and readiness check of each."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from screening.config.limits import DEFAULT_CHUNK_SECONDS, time_limits
from screening.config.servers import FILES
from screening.runtime import codes
from screening.runtime.child import ProcessSpec
from screening.runtime.errors import StartupError
from screening.runtime.instance import Instance
from screening.runtime.services import Endpoints

PROJECT_DIR = Path(__file__).resolve().parents[2]
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not listened on
_START_SECONDS = 120.0  # the first import of a numeric library can be slow on a busy machine


def application_environment(
    instance: Instance, endpoints: Endpoints, host: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment for the application's processes: that of this process with addresses and keys."""
    # The settings in FILES are read here; the processes get the resulting addresses.
    given = {name: value for name, value in os.environ.items() if name not in FILES}
    key = {} if given.get("DJANGO_SECRET_KEY_FILE") else {"DJANGO_SECRET_KEY": instance.secrets().django_secret_key}
    return {
        **key,
        "DJANGO_ALLOWED_HOSTS": _allowed_hosts(host),
        **given,
        "DATABASE_URL": endpoints.database_url,
        "REDIS_URL": endpoints.redis_url,
        "DJANGO_SETTINGS_MODULE": "screening.config.settings",
        "SCREENING_DATA_DIR": str(instance.root),
        "PYTHONUNBUFFERED": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        **(extra or {}),
    }


def base_url(host: str, port: int) -> str:
    """Return the address for a browser on this computer."""
    reachable = _ANY_ADDRESS.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def manage_step(name: str, *arguments: str, env: Mapping[str, str], private: bool = False) -> ProcessSpec:
    """Describe one run of ``manage.py``; with ``private`` its output is neither shown nor logged."""
    command = [sys.executable, "manage.py", *arguments]
    return ProcessSpec(name=name, command=command, env=env, cwd=PROJECT_DIR, echo=not private, private=private)


def web(env: Mapping[str, str], host: str, port: int) -> ProcessSpec:
    """Describe the web server; it is ready when it answers and reaches its database."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:screening.web.gunicorn_config", "--bind", address]
    return ProcessSpec(
        name="web",
        command=command,
        env=env,
        cwd=PROJECT_DIR,
        ready=lambda _pid: _is_ready(_ANY_ADDRESS.get(host, host), port),
        ready_timeout=_START_SECONDS,
    )


def worker(instance: Instance, env: Mapping[str, str]) -> ProcessSpec:
    """Describe the worker, which takes small batches and bulk ones, in ``WORKER_PROCESSES`` processes."""
    command = _celery("worker", "--queues", "small,bulk")
    command += ["--hostname", "screening@%h", "--without-gossip", "--without-mingle"]
    return _announced(
        instance,
        "worker",
        command,
        # One thread for each process: the processes share the cores among them.
        {**env, "OMP_NUM_THREADS": "1"},
        grace=stop_grace(env),
        # Without its broker a worker cannot finish anything; the tasks are delivered again.
        death_signal=signal.SIGQUIT,
    )


def stop_grace(env: Mapping[str, str]) -> float:
    """Return the seconds that a worker gets to finish its chunks, from ``CHUNK_SECONDS`` as the worker reads it.

    Raises StartupError ``setting-invalid``.
    """
    try:
        return float(time_limits(int(env.get("CHUNK_SECONDS") or DEFAULT_CHUNK_SECONDS)).stop)
    except ValueError as error:
        raise StartupError(codes.CHUNK_SECONDS_INVALID, value=env["CHUNK_SECONDS"]) from error


def beat(instance: Instance, env: Mapping[str, str]) -> ProcessSpec:
    """Describe the clock of the periodic tasks."""
    command = _celery("beat", "--schedule", str(instance.root / "beat-schedule"), "--pidfile=")
    return _announced(instance, "beat", command, env)


def _celery(*arguments: str) -> list[str]:
    program, *options = arguments
    application = ["-m", "celery", "-A", "screening.config.celery"]
    return [sys.executable, *application, program, "--loglevel", "INFO", *options]


def _announced(
    instance: Instance,
    name: str,
    command: list[str],
    env: Mapping[str, str],
    *,
    grace: float = 10.0,
    death_signal: signal.Signals = signal.SIGTERM,
) -> ProcessSpec:
    """Describe a process that says it is ready by making a file."""
    ready_file = instance.ready_file(name)
    return ProcessSpec(
        name=name,
        command=command,
        env={**env, "SCREENING_READY_FILE": str(ready_file)},
        cwd=PROJECT_DIR,
        grace=grace,
        death_signal=death_signal,
        before_start=_remover(ready_file),
        ready=lambda _pid: ready_file.exists(),
        ready_timeout=_START_SECONDS,
    )


def _remover(path: Path) -> Callable[[], None]:
    def remove() -> None:
        path.unlink(missing_ok=True)

    return remove


def _allowed_hosts(host: str) -> str:
    names = ["localhost", "127.0.0.1", "[::1]"]
    names.append(socket.gethostname() if host in _ANY_ADDRESS else host)
    return ",".join(dict.fromkeys(names))


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
