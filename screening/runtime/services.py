"""Start of the servers of an instance: embedded ones, or those named by the environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg2
import redis

from screening.config import servers
from screening.config.environment import SettingError
from screening.runtime import codes
from screening.runtime.child import ProcessSpec
from screening.runtime.console import Console
from screening.runtime.errors import StartupError
from screening.runtime.home import find_home
from screening.runtime.instance import Instance
from screening.runtime.ports import choose_port, port_is_free
from screening.runtime.postgres import PasswordRejectedError, Postgres
from screening.runtime.supervisor import Supervisor
from screening.runtime.valkey import Valkey

_PORT_ATTEMPTS = 4
_EXTERNAL_SECONDS = 15.0


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the two servers; both contain a password."""

    database_url: str
    redis_url: str


def start_services(instance: Instance, supervisor: Supervisor, console: Console, *, fast: bool) -> Endpoints:
    """Start what the environment does not name and return both addresses.

    Raises StartupError, also when an address cannot be read (``setting-invalid``) or a server that it names
    does not answer (``database-unreachable``, ``redis-unreachable``).
    """
    try:
        database_url, redis_url = servers.database_url(), servers.redis_url()
    except SettingError as error:
        raise StartupError(codes.SETTING_INVALID, why=error) from None
    if database_url:
        unreachable = StartupError(codes.DATABASE_UNREACHABLE, host=_host_of(database_url))
        _await_external(database_url, unreachable, _ask_database)
    if redis_url:
        unreachable = StartupError(codes.REDIS_UNREACHABLE, host=_host_of(redis_url))
        _await_external(redis_url, unreachable, _ask_redis)
    return Endpoints(
        database_url=database_url or _start_postgres(instance, supervisor, console, fast=fast),
        redis_url=redis_url or _start_valkey(instance, supervisor, console, fast=fast),
    )


def _start_postgres(instance: Instance, supervisor: Supervisor, console: Console, *, fast: bool) -> str:
    server = Postgres(find_home(instance), instance.secrets(), fast, console.say)
    if not server.home.data.exists():
        console.say("postgres: making the database for the first time")
    server.prepare()
    try:
        port = _start_on_a_port(instance, supervisor, "postgres", server.spec)
    except PasswordRejectedError:
        server.reset_admin_password()
        port = _start_on_a_port(instance, supervisor, "postgres", server.spec)
    server.provision(port)
    return server.url(port)


def _start_valkey(instance: Instance, supervisor: Supervisor, console: Console, *, fast: bool) -> str:
    server = Valkey(instance.root / "valkey", instance.secrets().redis_password, fast, console.say)
    server.prepare()
    return server.url(_start_on_a_port(instance, supervisor, "valkey", server.spec))


def _start_on_a_port(
    instance: Instance, supervisor: Supervisor, name: str, describe: Callable[[int], ProcessSpec]
) -> int:
    """Start a server on its former port, or on another one if another program has taken it."""
    port = choose_port(instance.last_port(name))
    for attempt in range(_PORT_ATTEMPTS):
        try:
            supervisor.start(describe(port))
        except StartupError as error:
            taken = error.code == codes.PROCESS_DIED.code and not port_is_free(port)
            if not taken or attempt == _PORT_ATTEMPTS - 1:
                raise
            port = choose_port()
        else:
            break
    instance.remember_port(name, port)
    return port


def _await_external(url: str, unreachable: StartupError, ask: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _EXTERNAL_SECONDS
    while True:
        try:
            ask(url)
        except (psycopg2.Error, redis.RedisError, ValueError) as error:
            if time.monotonic() > deadline or isinstance(error, ValueError):
                raise unreachable from error
            time.sleep(0.25)
        else:
            return


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "(address not readable)"


def _ask_database(url: str) -> None:
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis(url: str) -> None:
    with closing(redis.Redis.from_url(url, socket_timeout=5)) as client:
        client.ping()
