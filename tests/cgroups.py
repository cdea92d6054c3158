"""A control group with a memory limit, as a container has one, where this machine lets us make it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Group:
    """One group; ``path`` is its folder."""

    path: Path

    @property
    def entering(self) -> list[str]:
        """What to put before a command to run it in the group."""
        return ["sh", "-c", f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"', "sh"]

    @property
    def most(self) -> int:
        """The most bytes that were ever in use; 0 where this kernel does not say."""
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            with suppress(OSError):
                return int((self.path / name).read_text())
        return 0

    @property
    def killed(self) -> int:
        """How many of its processes the kernel killed for want of memory."""
        for name in ("memory.oom_control", "memory.events"):
            with suppress(OSError):
                counts = dict(line.split() for line in (self.path / name).read_text().splitlines())
                return int(counts.get("oom_kill", 0))
        return 0


@contextmanager
def limited(mib: int) -> Iterator[Group]:
    """A group that may have so many megabytes; skips the test where none can be made."""
    path = _parent() / f"screening-test-{os.getpid()}"
    try:
        path.mkdir()
        version_1 = path / "memory.limit_in_bytes"
        (version_1 if version_1.exists() else path / "memory.max").write_text(str(mib << 20))
    except OSError as error:
        with suppress(OSError):
            path.rmdir()
        pytest.skip(f"no control group with a memory limit can be made here: {error}")
    try:
        yield Group(path)
    finally:
        path.rmdir()


def _parent() -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            return CGROUPS / "memory" / own.strip("/")
    return CGROUPS  # version 2: a group with processes of its own can have no children with limits
