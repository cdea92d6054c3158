"""``make demo`` and ``make screen`` as a user types them, in processes of their own."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from screening.runtime.stack import remove_instance
from tests.conftest import LiveStack

ROOT = Path(__file__).resolve().parents[3]
OUTSIDE = ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR", "XRAY_DATA_DIR")


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    return subprocess.run(
        [sys.executable, "-m", "screening.demo", *command],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**base, "COLUMNS": "160", **environment},
    )  # fmt: skip


def processes_of(instance: Path) -> list[str]:
    """Command lines of what still runs for an instance."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if process.environ().get("SCREENING_DATA_DIR") == str(instance.resolve()):
                found.append(" ".join(process.info["cmdline"] or []))
        except psutil.Error:
            continue
    return found


def test_the_demo_screens_the_study_prints_it_and_leaves_nothing_running(tmp_path: Path) -> None:
    instance = tmp_path / "demo"
    try:
        done = run("demo", "--instance", str(instance))
        assert done.returncode == 0, done.stderr
        assert "40 files: 5 rejected, 34 done, 1 failed" in done.stdout
        for part in ("RG1_UNCR.dcm", "not_a_chest", "damaged_pixels", "films per second", "Dashboard: http://127.0.0.1:",
                     "Not a diagnostic device"):  # fmt: skip
            assert part in done.stdout
        assert processes_of(instance) == []
    finally:
        remove_instance(instance)


def make_screen(folder: Path, out: Path, instance: Path) -> subprocess.CompletedProcess[str]:
    """``make screen`` with the virtual environment that runs the tests, whatever its folder is called."""
    venv = ["-o", str(Path(sys.prefix, ".serve")), f"VENV={sys.prefix}"]
    base = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    return subprocess.run(
        ["make", "--no-print-directory", *venv, "screen", f"DIR={folder}", f"OUT={out}"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**base, "SCREENING_DATA_DIR": str(instance)},
    )  # fmt: skip


def states(out: Path) -> dict[str, str]:
    with out.open(newline="") as file:
        return {row["file"]: row["state"] for row in csv.DictReader(file)}


@pytest.fixture
def folder(tmp_path: Path, png: bytes, jpeg: bytes) -> Path:
    root = tmp_path / "films of 'March'"
    (root / "deep").mkdir(parents=True)
    (root / "a.png").write_bytes(png)
    (root / "deep" / "b.jpg").write_bytes(jpeg)
    (root / ".hidden").write_bytes(b"x")
    (root / "notes.txt").write_text("hello")
    return root


ENDS = {"a.png": "done", "deep/b.jpg": "done", "notes.txt": "rejected"}


def test_a_folder_is_screened_through_the_running_system(live_stack: LiveStack, tmp_path: Path, folder: Path) -> None:
    out = tmp_path / "out.csv"
    done = make_screen(folder, out, live_stack.stack.instance)
    assert done.returncode == 0, done.stderr
    assert "No system is running" not in done.stderr
    assert states(out) == ENDS
    assert re.search(r"^notes\.txt: [a-z_]+: .+\.$", done.stdout, re.MULTILINE)
    assert "3 files found: 3 sent, 0 not sent" in done.stdout
    assert "Not a diagnostic device" in done.stdout


def test_a_folder_is_screened_through_a_system_started_for_the_while(tmp_path: Path, folder: Path) -> None:
    instance, out = tmp_path / "instance", tmp_path / "out.csv"
    try:
        sent = run("screen", str(folder), "--no-wait", SCREENING_DATA_DIR=str(instance))
        assert sent.returncode == 0, sent.stderr
        assert "No system is running" in sent.stderr
        assert processes_of(instance) == []
        # It has other ports now; the batch is the same.
        done = run("screen", str(folder), "--out", str(out), SCREENING_DATA_DIR=str(instance))
        assert done.returncode == 0, done.stderr
        assert "Resuming batch" in done.stderr
        assert states(out) == ENDS
        assert processes_of(instance) == []
    finally:
        remove_instance(instance)


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_that_is_missing_or_empty_is_one_sentence(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "none"
    if make:
        folder.mkdir()
    done = run("screen", str(folder))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(folder) in done.stderr
