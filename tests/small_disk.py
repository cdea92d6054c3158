"""Small file systems in memory, for tests of a full disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int, mode: int = 0o700) -> Iterator[Path]:
    """Make a folder and mount a file system of ``size`` bytes there; skip the test where that is not allowed."""
    folder.mkdir(mode=mode)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode={mode:o}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system needs the right to mount one: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
