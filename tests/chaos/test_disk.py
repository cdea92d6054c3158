"""The disk that holds the films is full."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from screening.runtime.instance import Instance
from tests.chaos.conftest import own_servers
from tests.chaos.films import films
from tests.chaos.system import LEASE, System, running_system
from xrayscreen import ClientError

pytestmark = pytest.mark.full_round
SIZE = 4 * 1024 * 1024  # bytes
LEFT = 3 * 4096  # bytes: room for the pictures of one film at most


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes in memory; the test is skipped where none may be mounted."""
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system needs the right to mount one: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose films lie on a small disk."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    instance = Instance.open(tmp_path_factory.mktemp("disk") / "instance")
    with own_servers(), small_disk(instance.root / "media"), running_system(instance.root, keep=True) as system:
        yield system


@contextmanager
def full(system: System, left: int) -> Iterator[None]:
    """Fill the disk but for a few bytes."""
    ballast = system.stack.instance / "media" / "ballast"
    status = os.statvfs(ballast.parent)
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - left))
    try:
        yield
    finally:
        ballast.unlink()


def test_an_upload_to_a_full_disk_is_refused_with_a_reason_and_leaves_nothing(cramped: System) -> None:
    batch = cramped.client.create_batch("full disk")
    cramped.client.add_all(batch, films(4), lambda _film: None)
    with full(cramped, left=4096), pytest.raises(ClientError) as refused:
        cramped.client.add(batch, films(1, first=4)[0])
    cramped.client.add(batch, films(1, first=4)[0])  # there is room again
    cramped.client.submit(batch)
    cramped.settle()
    assert cramped.states(batch) == {"done": 5}
    cramped.check_invariants("--settled", "--grace", "0")
    assert refused.value.code == "storage_failed"


def test_a_disk_that_is_full_for_the_worker_costs_no_film(cramped: System) -> None:
    batch = cramped.client.create_batch("no room for pictures")
    cramped.client.add_all(batch, films(16), lambda _film: None)
    with full(cramped, left=LEFT):
        cramped.client.submit(batch)
        time.sleep(3 * LEASE)  # the length of the outage is the fault: it must not use up the films' attempts
    cramped.settle()
    outcome = cramped.outcome(batch)
    assert {state for state, _, _ in outcome.values()} == {"done"}, outcome
