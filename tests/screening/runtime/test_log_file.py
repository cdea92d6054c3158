"""Logs of bounded size that outlast a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from screening.runtime.log_file import LogFile, rotate
from tests.small_disk import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", size=64 * 1024) as folder:
        yield folder


def test_a_log_is_rotated_while_it_is_written_and_never_grows_beyond_its_files(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    log = LogFile(path, max_bytes=100, files=3)
    for number in range(60):
        log.write(f"line {number:03}")
    log.close()
    names = ["web.log", "web.log.1", "web.log.2"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert all((tmp_path / name).stat().st_size <= 100 for name in names)
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in names)
    kept = "".join((tmp_path / name).read_text() for name in reversed(names)).splitlines()
    assert kept == [f"line {number:03}" for number in range(60 - len(kept), 60)]


def test_the_runs_before_are_kept_under_numbers(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    for run in range(4):
        rotate(path, files=3)
        path.write_text(str(run))
    assert [(tmp_path / name).read_text() for name in ("web.log", "web.log.1", "web.log.2")] == ["3", "2", "1"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_full_disk_costs_lines_and_nothing_else(disk: Path) -> None:
    log = LogFile(disk / "web.log", max_bytes=8192, files=3)
    log.write("before")
    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(bytes(1024 * 1024))
    for number in range(2000):  # over several rotations
        log.write(f"during {number} {'x' * 80}")
    LogFile(disk / "worker.log").write("made on the full disk")
    ballast.unlink()
    log.write("after")
    log.close()
    log.write("too late")
    text = (disk / "web.log").read_text()
    assert text.endswith("after\n")
    assert "lines were lost here" in text


def test_files_that_cannot_be_renamed_or_closed_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "web.log"
    log = LogFile(path, max_bytes=50, files=3)
    monkeypatch.setattr(Path, "replace", refuse)
    close = os.close

    def close_and_refuse(descriptor: int) -> None:
        close(descriptor)
        refuse()

    monkeypatch.setattr(os, "close", close_and_refuse)
    for number in range(20):
        log.write(f"line {number:03}")
    log.close()
    assert path.read_text().splitlines()[-1] == "line 019"
