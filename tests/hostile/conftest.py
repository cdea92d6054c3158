"""A running system that hostile files are sent to, and an eye on the memory of its processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
import pytest

from tests.chaos.conftest import own_servers
from tests.chaos.system import System, running_system

WORKER_MEMORY_MB = 1536
# Limits small enough that the files of the corpus need not be large to pass them.
LIMITS = {
    "WORKER_MEMORY_MB": str(WORKER_MEMORY_MB),
    "MAX_FILE_BYTES": str(48 << 20),
    "MAX_UNPACKED_BYTES": str(256 << 20),
    "CHUNK_SECONDS": "12",
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system as it ships, with these limits."""
    with own_servers(), running_system(tmp_path_factory.mktemp("hostile") / "instance", LIMITS) as running:
        yield running


@dataclass
class Memory:
    """The most that one process of a kind was seen to have, in bytes (resident)."""

    most: dict[str, int] = field(default_factory=dict)

    def look(self, system: System) -> None:
        """Look at every process of web and worker once."""
        for name in ("web", "worker"):
            for process in system.processes(name):
                with suppress(psutil.NoSuchProcess):
                    self.most[name] = max(self.most.get(name, 0), process.memory_info().rss)


@contextmanager
def watched(system: System) -> Iterator[Memory]:
    """Watch the memory of web and worker for the length of the block."""
    memory, over = Memory(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            memory.look(system)
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
