"""Asking the embedded servers, finding their processes, and standing in for strangers."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import psutil
import psycopg2
import pytest
import redis

from screening.runtime.accounts import Account
from screening.runtime.home import PostgresHome, find_home
from screening.runtime.instance import Instance
from screening.runtime.stack import Endpoints

HOLD = """
import sys, time
from pathlib import Path
from screening.runtime.stack import services
with services(Path(sys.argv[1]), fast=True) as endpoints:
    print(endpoints.database_url, flush=True)
    time.sleep(60)
"""


def ask(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def write_number(endpoints: Endpoints, number: int) -> None:
    ask(endpoints.database_url, f"DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT {number} AS number")
    redis.Redis.from_url(endpoints.redis_url).set("kept", number)


def read_number(endpoints: Endpoints) -> tuple[object, object]:
    number = ask(endpoints.database_url, "SELECT number FROM kept")
    return number, redis.Redis.from_url(endpoints.redis_url).get("kept")


def found_home(instance: Path) -> PostgresHome:
    return find_home(Instance.open(instance))


def servers_of(instance: Path) -> list[psutil.Process]:
    places = {str(found_home(instance).data), str(instance / "valkey")}
    return [process for process in psutil.process_iter() if places & set(known_places(process))]


def known_places(process: psutil.Process) -> list[str]:
    try:
        return [process.cwd()]
    except psutil.AccessDenied:  # root in many containers: the command line of the server has to do
        return process.cmdline()
    except psutil.Error:
        return []


def await_none(instance: Path, seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (found := servers_of(instance)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@contextmanager
def as_account(account: Account | None, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[str]]]:
    identity: dict[str, object] = {}
    if account is not None:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd="/", stderr=errors, **identity)  # type: ignore[call-overload]
        try:
            yield process, errors
        finally:
            process.kill()
            process.wait()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"nothing listens on {port}")
