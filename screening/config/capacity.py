"""Number of worker processes that fit in the memory of this container or machine, and the limit of each.

Measured on x86-64 with the default model, decoding beside the network (resident MiB of one process, and in brackets
what its limit counts, ``RLIMIT_DATA``):

==========================================  ===============
after the first films, and at rest           285    (340)
a film of 10 megapixels                      330    (405)
20 megapixels: 16 bits, colour, JPEG 2000    355 to 430  (420 to 500)
40 megapixels: 16 bits, colour, JPEG 2000    420 to 560  (490 to 650)
120 megapixels: 8 bits, 16 bits, colour      550, 690, 900  (610, 750, 965)
the parent of the processes                  105
==========================================  ===============

The limit counts about 65 MiB that are never touched, so processes that all reach theirs still fit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024

PROCESS_MIB = (
    576  # of a process: enough for a film of 20 megapixels (the largest detectors) of any kind, with reserve
)
MIN_MIB = 480  # with less, an ordinary film may fail
MAX_MIB = 4096  # no accepted film needs as much
RESERVE_MIB = 256  # for the parent process, files in a tmpfs and the kernel; an eighth if that is more

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Memory:
    """Memory that this process and its children may use.

    Attributes:
        mib: megabytes (1024 * 1024).
        source: what sets the limit, in words.
    """

    mib: int
    source: str

    @property
    def room(self) -> int:
        """MiB that are left for worker processes."""
        return self.mib - max(RESERVE_MIB, self.mib // 8)


def available_memory(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> Memory:
    """Return the machine's memory, or the limit of this process's control groups if that is less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    allowed = min(_limits(cgroups, own), default=physical)
    if allowed < physical:
        return Memory(allowed // MIB, "the container's limit")
    return Memory(physical // MIB, "the machine's memory")


def default_processes(cores: int, available: Memory) -> int:
    """Return the default number of worker processes: one a core, if they fit in the memory."""
    return max(1, min(cores, available.room // PROCESS_MIB))


def default_memory(processes: int, available: Memory) -> int:
    """Return the default memory limit of each of ``processes`` in MiB."""
    return max(MIN_MIB, min(MAX_MIB, available.room // processes))


def describe_capacity(processes: int, limit: int, cores: int, available: Memory) -> str:
    """Return a log line with the number of processes, their limit and the reason."""
    each = f"at most {limit} MiB each" if limit else "without a memory limit"
    return f"worker processes: {processes}, {each} ({cores} cores; {available.source}: {available.mib} MiB)"


def capacity_warning(processes: int, limit: int, cores: int, available: Memory) -> str:
    """Return a warning if all processes together could exhaust the memory, else an empty string."""
    if processes * limit <= max(available.room, 0):
        return ""
    fitting = default_processes(cores, available)
    advice = f"WORKER_PROCESSES={fitting} and WORKER_MEMORY_MB={default_memory(fitting, available)} fit"
    if fitting * default_memory(fitting, available) > available.room:
        advice = f"one process needs {MIN_MIB + RESERVE_MIB} MiB; raise the limit"
    return (
        f"{processes} worker processes of {limit} MiB may together take more than {available.source} "
        f"({available.mib} MiB) has room for, and the kernel may kill them: {advice}"
    )


def _limits(cgroups: Path, own: Path) -> list[int]:
    """Return all limits in bytes of this process's control groups and of the groups above them."""
    found = []
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2; in a container its own group is the root
            found += _limits_upwards(cgroups, path, "memory.max")
        elif "memory" in controllers.split(","):
            found += _limits_upwards(cgroups / "memory", path, "memory.limit_in_bytes")
    return found


def _limits_upwards(root: Path, path: str, name: str) -> list[int]:
    group = Path(path.strip("/"))
    texts = (_text(root / parent / name).strip() for parent in (group, *group.parents))
    return [int(text) for text in texts if text.isdigit()]  # "max" is no limit


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
