"""Instances in temporary folders, and programs that play the part of another user of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from screening.runtime.application import PROJECT_DIR
from screening.runtime.stack import remove_instance

Family = Callable[[], list[psutil.Process]]


@pytest.fixture
def family() -> Family:
    """The processes this test has started; those of other tests' stacks may be there too."""
    others = set(psutil.Process().children(recursive=True))
    return lambda: [
        process for process in psutil.Process().children(recursive=True)
        if process not in others and not _is_below(process, others)  # their servers start processes at any time
    ]  # fmt: skip


def _is_below(process: psutil.Process, others: set[psutil.Process]) -> bool:
    try:
        return not others.isdisjoint(process.parents())
    except psutil.NoSuchProcess:  # it has ended meanwhile, so it is not left over
        return True


@pytest.fixture(autouse=True)
def _no_external_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
def fresh_instance(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "instance"
    yield path
    remove_instance(path)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One instance for the tests that do not need a first start, which takes the most time."""
    path = tmp_path_factory.mktemp("shared") / "instance"
    yield path
    remove_instance(path)


def run_module(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "screening.runtime", *arguments]
    return subprocess.run(command, cwd=PROJECT_DIR, env=env, capture_output=True, text=True, check=False, timeout=60)


def start_driver(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python program that uses the runtime; it prints one line when it has got where it should."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=PROJECT_DIR,
        env=os.environ | {"PYTHONPATH": str(PROJECT_DIR)},
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(driver: subprocess.Popen[str]) -> str:
    assert driver.stdout is not None
    return driver.stdout.readline().strip()
