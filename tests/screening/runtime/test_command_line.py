"""What people see when something keeps the system from starting."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from screening.runtime import StartupError
from screening.runtime.application import base_url
from screening.runtime.instance import Instance, read_json
from screening.runtime.ports import check_web_port, choose_port
from tests.screening.runtime.conftest import run_module


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_module("run", "--port", str(port), "--instance", str(tmp_path / "instance"))
    assert done.returncode == 2
    start = f"Port {port} is in use by another program. Choose another: make run PORT="
    assert done.stderr.startswith(start)
    assert done.stderr.removeprefix(start).strip().isdigit()
    assert not (tmp_path / "instance").exists()


def test_an_address_of_another_computer_is_refused() -> None:
    with pytest.raises(StartupError) as caught:
        check_web_port("192.0.2.1", 8000)
    assert caught.value.code == "host-invalid"


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(port: str) -> None:
    done = run_module("run", "--port", port)
    assert done.returncode == 2
    assert f"{port} is no port" in done.stderr


def test_a_free_port_is_kept_and_a_taken_one_replaced() -> None:
    port = choose_port()
    assert choose_port(port) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert choose_port(port) != port


def test_a_place_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(StartupError) as caught:
        Instance.open(Path("/proc/nowhere/instance"))
    assert caught.value.code == "instance-unwritable"


def test_a_start_on_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small file system needs the right to mount one: {done.stderr.strip()}")
    try:
        Instance.open(folder / "instance")
        with pytest.raises(OSError, match="No space left"):
            (folder / "ballast").write_bytes(bytes(1024 * 1024))
        done = run_module("run", "--port", str(choose_port()), "--instance", str(folder / "instance"))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    assert done.returncode == 2
    assert done.stderr.startswith("The disk is full (")
    assert done.stderr.count("\n") == 1


def test_the_address_for_a_browser() -> None:
    assert base_url("0.0.0.0", 8000) == "http://127.0.0.1:8000"  # noqa: S104
    assert base_url("::1", 8000) == "http://[::1]:8000"


def test_damaged_json_counts_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    for content in ("", "[1]", '{"postgres": 5'):
        path.write_text(content)
        assert read_json(path) == {}
    assert Instance.open(tmp_path).last_port("postgres") is None
