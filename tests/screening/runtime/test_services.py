"""The embedded servers, as a program that uses them sees them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from screening.runtime import StartupError
from screening.runtime.instance import Instance
from screening.runtime.stack import services
from tests.screening.runtime.conftest import first_line, run_module, start_driver
from tests.screening.runtime.servers import (
    HOLD,
    ask,
    read_number,
    servers_of,
    write_number,
)


def test_a_restart_keeps_the_data_and_the_files_are_private(fresh_instance: Path) -> None:
    number = secrets.randbelow(10**6)
    with services(fresh_instance, fast=False) as endpoints:
        write_number(endpoints, number)
        known = json.loads((fresh_instance / "endpoints.json").read_text())
        assert known == {"database_url": endpoints.database_url, "redis_url": endpoints.redis_url}
        for name in ("endpoints.json", "secrets.json", "valkey/valkey.conf"):
            assert stat.S_IMODE((fresh_instance / name).stat().st_mode) == 0o600
        assert ask(endpoints.database_url, "SHOW fsync") == "on"
        assert ask(endpoints.database_url, "SELECT upper('ä')") == "Ä"
        question = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        assert ask(endpoints.database_url, question) is False
        shown = [" ".join(process.cmdline()) for process in servers_of(fresh_instance)]
        values = json.loads((fresh_instance / "secrets.json").read_text()).values()
        assert shown
        assert not any(value in line for value in values for line in shown)
    assert not (fresh_instance / "endpoints.json").exists()
    assert servers_of(fresh_instance) == []
    with services(fresh_instance) as again:
        assert read_number(again) == (number, str(number).encode())
        assert again == endpoints  # the same ports and passwords


def test_a_terminated_supervisor_stops_its_servers(instance: Path) -> None:
    driver = start_driver(HOLD, str(instance))
    assert first_line(driver)
    driver.terminate()
    driver.wait(20)
    assert servers_of(instance) == []
    assert not (instance / "endpoints.json").exists()


def test_taken_ports_are_replaced(instance: Path) -> None:
    with services(instance, fast=True) as before:
        write_number(before, 13)
    opened = Instance.open(instance)
    with socket.socket() as first, socket.socket() as second:
        for blocker, name in ((first, "postgres"), (second, "valkey")):
            blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            blocker.bind(("127.0.0.1", opened.last_port(name) or 0))
            blocker.listen()
        with services(instance, fast=True) as after:
            assert read_number(after) == (13, b"13")
            assert after.database_url != before.database_url
            assert after.redis_url != before.redis_url


def test_a_port_snatched_during_the_start_is_replaced(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        answers = [thief.getsockname()[1]]

        def choose(preferred: int | None = None, host: str = "127.0.0.1") -> int:
            return answers.pop() if answers else real(preferred, host)

        from screening.runtime import services as module
        from screening.runtime.ports import choose_port as real

        monkeypatch.setattr(module, "choose_port", choose)
        with services(instance, fast=True) as endpoints:
            assert ask(endpoints.database_url, "SELECT 1") == 1
        assert answers == []


def test_a_second_start_is_refused_in_one_sentence(instance: Path) -> None:
    with services(instance, fast=True):
        done = run_module("exec", "--instance", str(instance), "--", "true")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"is already running (process {os.getpid()}). Stop it" in done.stderr


def test_named_servers_are_used_and_a_silent_one_is_reported(
    instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services(instance, fast=True) as given:
        monkeypatch.setenv("DATABASE_URL", given.database_url)
        with services(tmp_path / "other", fast=True) as mixed:
            assert mixed.database_url == given.database_url
            assert mixed.redis_url != given.redis_url
            assert not (tmp_path / "other" / "postgres").exists()
        monkeypatch.setenv("REDIS_URL", given.redis_url)
        with services(tmp_path / "other", fast=True) as both:
            assert both == given
    monkeypatch.setattr("screening.runtime.services._EXTERNAL_SECONDS", 0.0)
    with pytest.raises(StartupError) as caught:
        services(tmp_path / "other").__enter__()
    assert caught.value.code == "database-unreachable"
    assert "screening:" not in caught.value.detail  # no password


def test_an_almost_empty_environment_and_an_unusable_home_suffice(instance: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/proc/nowhere"}
    show = "import os, sys; print(os.environ['DATABASE_URL']); sys.exit(37)"
    done = run_module("exec", "--fast", "--instance", str(instance), "--", sys.executable, "-c", show, env=env)
    assert done.returncode == 37, done.stderr
    assert done.stdout.startswith("postgres://screening:")


def test_a_signal_reaches_the_command_and_its_end_is_passed_on(instance: Path) -> None:
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"]
    done = run_module("exec", "--fast", "--instance", str(instance), "--", *command)
    assert done.returncode == 128 + signal.SIGTERM
