"""The client and the whole system: real servers, a real worker."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ml.phantom.film import PhantomSpec, jpeg_bytes
from tests.conftest import LiveStack
from xrayscreen import Client, ClientError, screen_folder

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds


@pytest.fixture(scope="module")
def token(live_stack: LiveStack) -> str:
    return live_stack.token("xrayscreen")


@pytest.fixture(scope="module")
def client(live_stack: LiveStack, token: str) -> Client:
    return Client(live_stack.base_url, token)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """120 films in nested folders, a copy, and a file that is no film."""
    root = tmp_path / "films"
    base = jpeg_bytes(PhantomSpec(height=256, width=256, seed=5))
    for number in range(120):
        folder = root / f"ward {number % 3}" / f"{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        # A quantization table that no component uses (ITU-T T.81 B.2.4.1) makes each film's bytes its own.
        table = b"\xff\xdb\x00\x43\x03" + bytes([1, number + 1]) * 32
        (folder / f"{number:03}.jpg").write_bytes(base[:2] + table + base[2:])
    (root / "ward 2" / "copy.jpg").write_bytes((root / "ward 0" / "0" / "000.jpg").read_bytes())
    (root / "notes.txt").write_text("hello")
    return root


def command(live_stack: LiveStack, token: str, *arguments: str | Path) -> dict[str, Any]:
    environment = {**os.environ, "XRAYSCREEN_SERVER": live_stack.base_url, "XRAYSCREEN_TOKEN": token}
    return {"args": [sys.executable, "-m", "xrayscreen", *map(str, arguments)], "cwd": ROOT, "env": environment}


def run(live_stack: LiveStack, token: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command(live_stack, token, *arguments), capture_output=True, text=True, check=False)


def rows(text: str) -> dict[str, dict[str, str]]:
    listed = list(csv.DictReader(io.StringIO(text)))
    by_name = {row["file"]: row for row in listed}
    assert len(by_name) == len(listed)
    return by_name


def expected(films: Path) -> set[str]:
    return {path.relative_to(films).as_posix() for path in films.rglob("*") if path.is_file()}


def look(results: dict[str, dict[str, str]], films: Path) -> None:
    """Every file has its row and its end."""
    assert set(results) == expected(films)
    odd = {name: row["code"] for name, row in results.items() if row["state"] != "done"}
    assert set(odd) == {"notes.txt", "ward 2/copy.jpg"}
    assert odd["ward 2/copy.jpg"] == "duplicate"
    assert all("Not a diagnostic device" in row["notice"] for row in results.values())


def test_a_client_that_is_killed_half_way_goes_on_without_loss_or_doubles(
    live_stack: LiveStack, token: str, client: Client, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.csv"
    arguments = ("screen", films, "--out", out)
    with subprocess.Popen(**command(live_stack, token, *arguments), stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [row for row in client.batches() if row["name"] == "films"]
            sent = client.status(found[0]["id"])["progress"]["total"] if found else 0
            if sent >= 10:
                break
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    batch = found[0]["id"]
    status = client.status(batch)
    assert (status["state"], out.exists()) == ("open", False)
    assert 10 <= status["progress"]["total"] < len(expected(films)), "killed in the middle of it"

    done = run(live_stack, token, *arguments)
    assert done.returncode == 0, done.stderr
    assert f"Resuming batch {batch}" in done.stderr
    assert [row["id"] for row in client.batches() if row["name"] == "films"] == [batch]
    look(rows(out.read_text()), films)
    assert f"{len(expected(films))} files found: {len(expected(films))} sent, 0 not sent" in done.stdout
    assert "ward 2/copy.jpg: duplicate" in done.stdout
    assert client.status(batch)["progress"]["total"] == len(expected(films))

    export = requests.get(f"{live_stack.base_url}/api/v1/batches/{batch}/export.csv", auth=client.auth, timeout=60)
    for place in ("-", tmp_path / "again.csv"):
        fetched = run(live_stack, token, "results", batch, "--csv", place)
        assert fetched.returncode == 0
        text = fetched.stdout if place == "-" else Path(place).read_text()
        assert text.splitlines() == export.text.splitlines() == out.read_text().splitlines()
    answer = json.loads(run(live_stack, token, "results", batch, "--json").stdout)
    assert len(answer["films"]) == len(expected(films))
    assert "Not a diagnostic device" in answer["notice"]


def test_status_and_cancel(live_stack: LiveStack, token: str, client: Client) -> None:
    batch = client.create_batch("to be cancelled")
    status = run(live_stack, token, "status", batch)
    assert status.stdout.startswith(f"{batch}  open, 0 of 0 files finished")
    assert "Not a diagnostic device" in status.stdout
    assert run(live_stack, token, "cancel", batch).stdout.startswith(f"{batch}  cancelled")
    assert run(live_stack, token, "screen", "README.md", "--model", "none such").returncode == 2


def test_a_finished_batch_is_not_cancelled(
    live_stack: LiveStack, token: str, client: Client, tmp_path: Path, png: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(png)
    batch = screen_folder(client, tmp_path).batch
    with pytest.raises(ClientError, match="batch_finished") as error:
        client.cancel(batch)
    assert (error.value.code, error.value.status) == ("batch_finished", 409)
    told = run(live_stack, token, "cancel", batch)
    assert told.returncode == 2
    assert "has finished" in told.stderr
    assert client.status(batch)["state"] == "done"
