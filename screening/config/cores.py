"""Number of processor cores that this process may use; in a container often fewer than the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # control group version 2: "quota period" in microseconds, or "max"


def count_cores(quota_file: Path = CGROUP_QUOTA) -> int:
    """Return the cores by affinity and by the container's quota, rounded up, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        allowed = min(allowed, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no control groups here, or no quota
        pass
    return max(1, allowed)
