"""A running system asks nobody outside for anything, and keeps nothing outside its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Set in continuous integration, and taken by some libraries as a reason to be quiet.
QUIETENING = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "DO_NOT_TRACK")


def unshare(*command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a network namespace of its own."""
    return subprocess.run(
        ["unshare", "--net", "--mount", *command], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has set nothing; the test is skipped where namespaces are not to be had."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in QUIETENING}
    environment = {**kept, "HOME": str(home)}
    environment.pop("XDG_CACHE_HOME", None)
    try:
        tried = unshare("ip", "link", "set", "lo", "up", environment=environment)
    except FileNotFoundError as error:
        pytest.skip(f"a network namespace needs unshare and ip: {error}")
    if tried.returncode != 0:
        pytest.skip(f"a network namespace needs root: {tried.stderr.strip()}")
    return environment


def test_sixty_films_are_screened_without_a_look_outside(environment: dict[str, str], tmp_path: Path) -> None:
    done = unshare(sys.executable, "-m", "tests.offline", str(tmp_path), environment=environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert sum(told["states"].values()) == 60
    assert told["states"]["queued"] == told["states"]["running"] == 0
    assert told["asked"] == [], "names that were looked up"
    assert told["packets_without_route"] == 0, "packets to addresses outside"
    left = [str(path.relative_to(tmp_path)) for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left == [], "files in the home folder of whoever runs it"
