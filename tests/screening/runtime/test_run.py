"""``make run`` as a person sees it: what stays on the screen, where the logs are, how to sign in."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from screening.runtime.application import PROJECT_DIR
from screening.runtime.ports import choose_port
from screening.runtime.stack import Endpoints, Stack, remove_instance, running_stack
from screening.runtime.summary import summary_lines

LAST = "Ctrl-C ends it."


@contextmanager
def run(instance: Path, port: int, *options: str) -> Iterator[list[str]]:
    """The lines that are on the screen when the system is up; leaving the block is Ctrl-C."""
    command = [sys.executable, "-m", "screening.runtime", "run", "--port", str(port), "--instance", str(instance)]
    process = subprocess.Popen(
        [*command, "--workers", "1", *options],
        cwd=PROJECT_DIR, env={**os.environ}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if lines[-1] == LAST:
                break
        else:
            pytest.fail("\n".join(lines))
        yield lines
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0


def test_the_address_and_the_first_login_come_last(tmp_path: Path) -> None:
    instance, port = tmp_path / "instance", choose_port()
    file = instance / "first-login.txt"
    try:
        with run(instance, port) as lines:
            shown = dict(line.split(None, 1) for line in lines[-5:-1])
            assert shown["Address:"] == f"http://127.0.0.1:{port}"
            assert shown["Logs:"] == str(instance / "log")
            told = re.fullmatch(r"user (\S+), password (\S+) \(change it on the account page\)", shown["Sign"][4:])
            assert told is not None, lines
            assert shown["also"] == f"in {file}"
            assert file.stat().st_mode & 0o777 == 0o600
            assert f"Password: {told[2]}\n" in file.read_text()
            assert signs_in(shown["Address:"], told[1], told[2])
            # The servers' messages are in their logs, not between these lines.
            assert all(re.fullmatch(r"\S+ is ready \(.+ s\)|postgres: .*|", line) for line in lines[:-5]), lines
            assert "Booting worker" in (instance / "log" / "web.log").read_text()
            assert "ready" in (instance / "log" / "worker.log").read_text()
            assert all(path.stat().st_mode & 0o777 == 0o600 for path in (instance / "log").iterdir())
        with run(instance, port, "--verbose") as lines:
            assert lines[-3] == f"Sign in: user admin, first password in {file}"
            assert any(line.startswith("web ") and "Booting worker" in line for line in lines)
    finally:
        remove_instance(instance)


def signs_in(address: str, user: str, password: str) -> bool:
    session = requests.Session()
    session.get(f"{address}/login", timeout=20)
    form = {"username": user, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(f"{address}/login", data=form, timeout=20, allow_redirects=False)
    return answer.status_code == 302


def test_a_host_name_that_is_not_this_machine_keeps_nothing_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", "xray.example.org")
    instance = tmp_path / "instance"
    try:
        with running_stack(instance, workers=1, quiet=True, fast=True) as stack:
            for path in ("/livez", "/readyz", "/healthz"):
                assert requests.get(stack.base_url + path, timeout=20).status_code == 200, path
                assert body_of_head(stack.base_url, path) == b""
            assert requests.get(stack.base_url, timeout=20).status_code == 400
            named = {"Host": "xray.example.org"}
            assert requests.get(f"{stack.base_url}/login", headers=named, timeout=20).status_code == 200
    finally:
        remove_instance(instance)


def body_of_head(address: str, path: str) -> bytes:
    """What follows the header of an answer to HEAD, as it is on the wire."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0]
    return body


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("", ""),
        ("localhost,127.0.0.1", ""),
        ("*", ""),
        ("xray.example.org", "xray.example.org"),
        ("::1,a.b", "::1,a.b"),
    ],
)
def test_an_address_that_the_site_refuses_is_not_printed_without_a_word(names: str, told: str) -> None:
    endpoints = Endpoints("", "")
    stack = Stack(Path("/"), "http://127.0.0.1:8000", endpoints, {"DJANGO_ALLOWED_HOSTS": names}, None)  # type: ignore[arg-type]
    lines = list(summary_lines(stack, "user"))
    assert lines[1] == "Address: http://127.0.0.1:8000"
    assert [told in line for line in lines if "DJANGO_ALLOWED_HOSTS" in line] == ([True] if told else [])
