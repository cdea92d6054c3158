"""The disk is full: the one that holds the films, or the one that holds everything."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
import requests

from screening.runtime.home import find_home
from screening.runtime.instance import Instance
from tests.chaos.conftest import own_servers
from tests.chaos.films import films
from tests.chaos.processes import kill, until
from tests.chaos.system import LEASE, System, running_system
from tests.small_disk import small_disk
from xrayscreen import ClientError

pytestmark = pytest.mark.full_round
SIZE = 4 * 1024 * 1024  # bytes
LEFT = 3 * 4096  # bytes: room for the pictures of one film at most
EVERYTHING = 400 * 1024 * 1024  # bytes: a fresh database alone has 60 MiB
OUTAGE = 60  # seconds: longer than the five restarts after which everything was once stopped

PARTS = ("postgres", "valkey", "web", "worker", "beat")
WRITE_ON = "SELECT pg_logical_emit_message(true, 'chaos', repeat('x', 4000000))"  # into the write-ahead log


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose films lie on a small disk."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    instance = Instance.open(tmp_path_factory.mktemp("disk") / "instance")
    with own_servers(), small_disk(instance.root / "media", SIZE), running_system(instance.root, keep=True) as system:
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


@pytest.fixture
def on_one_disk() -> Iterator[System]:
    """A system all of whose data are on one small disk: database, broker, films, logs."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    # Where the database's own user gets to: in a folder that is closed to it the database would lie elsewhere.
    outer = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="chaos-"))
    outer.chmod(0o711)
    try:
        folder = outer / "instance"
        disk = small_disk(folder, EVERYTHING, 0o711)
        with own_servers(), disk, running_system(folder, keep=True, shipped=True) as system:
            assert find_home(Instance.open(folder)).root.is_relative_to(folder)
            yield system
    finally:
        shutil.rmtree(outer, ignore_errors=True)


@contextmanager
def kept_full(folder: Path) -> Iterator[None]:
    """Leave no byte on a disk, and take what is freed there meanwhile."""
    ballast, over = folder / "ballast", threading.Event()

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            while not over.wait(0.05):
                with suppress(OSError):
                    for size in (1024 * 1024, 4096):
                        while file.write(bytes(size)) == size:
                            pass

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        until(lambda: os.statvfs(folder).f_bavail == 0, "the disk is full")
        yield
    finally:
        over.set()
        filler.join()
        ballast.unlink()


def health(system: System) -> tuple[int, str]:
    """Status and code of the system's health; a web process that is away has none."""
    try:
        answer = requests.get(f"{system.stack.base_url}/healthz", timeout=20)
        return answer.status_code, answer.json().get("code", "")
    except requests.RequestException:
        return 0, ""


def outage(system: System) -> set[tuple[int, str]]:
    """Let everything hit the full disk: the database by writing on, each process by a restart; what health said."""
    for name in PARTS:
        kill(system.processes(name)[:1])
    said = set()
    deadline = time.monotonic() + OUTAGE  # the length of the outage is the fault
    while time.monotonic() < deadline:
        with suppress(psycopg2.Error):
            system.admin_sql(WRITE_ON)
        said.add(health(system))
        time.sleep(0.5)
    return said


@pytest.mark.parametrize("hard", [False, True], ids=["quiet", "every part dies"])
def test_a_full_data_directory_ends_nothing_for_good(on_one_disk: System, hard: bool) -> None:
    system = on_one_disk
    until(lambda: health(system) == (200, ""), "the system is sound")
    first = system.client.create_batch("sent before the disk was full")
    system.client.add_all(first, films(24), lambda _film: None)
    with ExitStack() as full_disk:
        with system.unconsumed():
            system.client.submit(first)
            full_disk.enter_context(kept_full(system.stack.instance))
        until(lambda: health(system)[0] != 200, "health says that something is wrong", 30)
        if hard:
            said = outage(system)
        else:
            time.sleep(OUTAGE)
            said = {health(system)}
    print(f"health during the outage: {sorted(said)}")
    assert 200 not in {status for status, _ in said}
    until(lambda: health(system) == (200, ""), "everything is back, with nobody's help")
    later = system.submit(8)
    system.settle()
    for batch, count in ((first, 24), (later, 8)):
        assert system.states(batch) == {"done": count}
    system.check_invariants("--settled", "--delete-orphans", "--grace", "0")
    system.check_invariants("--settled", "--grace", "0")
