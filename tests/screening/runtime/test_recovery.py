"""The embedded servers after everything that can befall them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psycopg2
import pytest
import redis

from screening.runtime import StartupError
from screening.runtime.accounts import database_account
from screening.runtime.home import find_home
from screening.runtime.instance import Instance
from screening.runtime.postgres import Postgres
from screening.runtime.stack import services
from tests.screening.runtime.conftest import first_line, start_driver
from tests.screening.runtime.servers import (
    HOLD,
    as_account,
    ask,
    await_none,
    found_home,
    read_number,
    servers_of,
    wait_for_port,
    write_number,
)


def test_a_killed_supervisor_leaves_no_server_and_the_next_start_recovers(instance: Path) -> None:
    driver = start_driver(HOLD, str(instance))
    ask(first_line(driver), "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 5 AS number")
    assert servers_of(instance)
    driver.kill()
    driver.wait()
    assert await_none(instance, 5.0) == []  # the death signal, before the watchdog loses patience
    with services(instance, fast=True) as endpoints:
        assert ask(endpoints.database_url, "SELECT number FROM kept") == 5


def test_a_killed_server_is_restarted_at_the_same_address(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with services(instance) as endpoints:
        write_number(endpoints, 7)
        time.sleep(1.1)  # Valkey promises durability after one second
        for process in servers_of(instance):
            process.kill()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                assert read_number(endpoints) == (7, b"7")
                break
            except (psycopg2.OperationalError, redis.RedisError):
                time.sleep(0.1)
        else:
            pytest.fail("the servers did not come back")
    shown = capsys.readouterr().err
    assert "postgres ended unexpectedly" in shown
    assert "valkey ended unexpectedly (signal SIGKILL); restart 1 in" in shown


def test_an_orphaned_server_is_replaced(instance: Path) -> None:
    with services(instance, fast=True) as endpoints:
        write_number(endpoints, 3)
    opened = Instance.open(instance)
    server = Postgres(find_home(opened), opened.secrets(), True, print)
    port = opened.last_port("postgres")
    assert port is not None
    with as_account(server.home.account, *server.spec(port).command) as (orphan, errors):
        wait_for_port(port)
        with services(instance, fast=True) as endpoints:
            assert read_number(endpoints) == (3, b"3")
            orphan.wait(5)
        errors.seek(0)
        assert "database system is shut down" in errors.read()  # asked to end, not killed


def test_a_process_id_that_passed_to_a_stranger_does_not_matter(instance: Path) -> None:
    with services(instance, fast=True):
        content = (found_home(instance).data / "postmaster.pid").read_text().splitlines()
    account = database_account()
    with as_account(account, "sleep", "60") as (stranger, _):
        stale = found_home(instance).data / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *content[1:]]) + "\n")
        if account is not None:
            os.chown(stale, account.uid, account.gid)
        with services(instance, fast=True) as endpoints:
            assert ask(endpoints.database_url, "SELECT 1") == 1
        assert stranger.poll() is None


def test_a_half_made_data_directory_is_set_aside(fresh_instance: Path) -> None:
    root = found_home(fresh_instance).root
    (root / "data" / "base").mkdir(parents=True)
    (root / "data.init").mkdir()
    (root / "data.init" / "PG_VERSION").write_text("17\n")
    with services(fresh_instance, fast=True) as endpoints:
        assert ask(endpoints.database_url, "SELECT 1") == 1
    assert (root / "data.incomplete" / "base").is_dir()
    assert not (root / "data.init").exists()


def test_data_of_another_version_is_refused(fresh_instance: Path) -> None:
    data = found_home(fresh_instance).data
    (data / "global").mkdir(parents=True)
    (data / "global" / "pg_control").touch()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartupError, match=r"made by PostgreSQL 9, installed is \d+\.") as caught:
        services(fresh_instance, fast=True).__enter__()
    assert caught.value.code == "data-version"


def test_lost_secrets_do_not_lose_the_data(instance: Path) -> None:
    with services(instance, fast=True) as before:
        write_number(before, 11)
    (instance / "secrets.json").write_text("{dama")
    with services(instance, fast=True) as after:
        assert read_number(after) == (11, b"11")
    assert after.database_url != before.database_url


def test_a_truncated_log_of_valkey_keeps_what_was_whole(instance: Path) -> None:
    with services(instance, fast=True) as endpoints:
        client = redis.Redis.from_url(endpoints.redis_url)
        client.set("first", 1)
        client.set("second", "x" * 100)
    (log,) = (instance / "valkey" / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 40)
    with services(instance, fast=True) as endpoints:
        client = redis.Redis.from_url(endpoints.redis_url)
        assert client.get("first") == b"1"
        assert client.get("second") is None
