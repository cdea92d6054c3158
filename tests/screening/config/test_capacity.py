"""Worker processes follow the cores and the memory that there is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from screening.config import capacity
from screening.config.capacity import (
    MIB,
    MIN_MIB,
    Memory,
    available_memory,
    capacity_warning,
    default_memory,
    default_processes,
)

ROOT = Path(__file__).resolve().parents[3]
UNLIMITED = "9223372036854771712\n"  # what version 1 says of a group without a limit


def container(mib: int) -> Memory:
    return Memory(mib, "the container's limit")


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 12, 64])
@pytest.mark.parametrize("mib", [1024, 2048, 4096, 16_384, 131_072])
def test_what_is_chosen_fits_and_no_core_has_two(cores: int, mib: int) -> None:
    processes = default_processes(cores, container(mib))
    limit = default_memory(processes, container(mib))
    assert 1 <= processes <= cores
    assert limit >= MIN_MIB
    assert processes * limit <= mib - capacity.RESERVE_MIB
    assert capacity_warning(processes, limit, cores, container(mib)) == ""


def test_twelve_cores_and_two_gigabytes() -> None:
    assert default_processes(12, container(2048)) == 3
    assert default_memory(3, container(2048)) == 597
    assert default_processes(12, container(16_384)) == 12


def test_there_is_always_one_process_and_too_little_memory_is_said() -> None:
    assert default_processes(4, container(300)) == 1
    assert default_memory(1, container(300)) == MIN_MIB
    assert "one process needs 736 MiB; raise the limit" in capacity_warning(1, MIN_MIB, 4, container(300))


def test_an_operator_who_asks_for_too_much_is_told_what_fits() -> None:
    warning = capacity_warning(12, 4096, 12, container(2048))
    assert "12 worker processes of 4096 MiB" in warning
    assert "WORKER_PROCESSES=3 and WORKER_MEMORY_MB=597 fit" in warning
    assert capacity_warning(12, 0, 12, container(2048)) == ""  # without a limit there is nothing to add up


def groups(root: Path, own: str, limits: Mapping[str, str]) -> Memory:
    """The memory that a process finds whose groups are such."""
    for name, text in limits.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "own").write_text(own)
    return available_memory(root, root / "own")


def test_a_container_of_version_2_sees_its_group_as_the_root(tmp_path: Path) -> None:
    assert groups(tmp_path, "0::/\n", {"memory.max": f"{2048 * MIB}\n"}) == container(2048)


def test_the_smallest_limit_above_counts(tmp_path: Path) -> None:
    limits = {"a.slice/b/memory.max": "max\n", "a.slice/memory.max": f"{700 * MIB}\n", "memory.max": f"{900 * MIB}"}
    assert groups(tmp_path, "0::/a.slice/b\n", limits) == container(700)


def test_version_1(tmp_path: Path) -> None:
    own = "9:name=systemd:/\n4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n0::/\n"
    limits = {"memory/memory.limit_in_bytes": UNLIMITED, "memory/docker/x/memory.limit_in_bytes": f"{512 * MIB}\n"}
    assert groups(tmp_path, own, limits) == container(512)
    (tmp_path / "memory/docker/x/memory.limit_in_bytes").unlink()  # a path of the host, not to be seen from inside
    (tmp_path / "memory/memory.limit_in_bytes").write_text(f"{640 * MIB}")
    assert available_memory(tmp_path, tmp_path / "own") == container(640)


def test_without_a_limit_the_machines_memory_counts(tmp_path: Path) -> None:
    for own in ("0::/\n", "4:memory:/x\n", ""):
        found = groups(tmp_path, own, {"memory.max": "max\n", "memory/x/memory.limit_in_bytes": UNLIMITED})
        assert found.source == "the machine's memory"
        assert found.mib > 128


def test_batches_are_cut_for_the_machines_cores_even_where_the_web_process_has_little_memory(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nos.sched_getaffinity = lambda _pid: set(range(12))\n"
        "from screening.config import capacity\n"
        "capacity.available_memory = lambda: capacity.Memory(1024, 'the container')\n"
    )
    code = "import screening.config.settings as s; print(s.WORKER_PROCESSES, s.CUT_FOR_PROCESSES, s.WORKER_MEMORY_MB)"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "12", "768"], done.stderr
