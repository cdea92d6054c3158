"""How much memory decoding a film takes, told in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# The largest memory of the process so far. On Linux not by getrusage: there the value of a new program begins with
# the peak of the process that started it (exec_mmap in fs/exec.c), so that nothing would seem to grow.
READ_PEAK = """
import resource, sys
from pathlib import Path
def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
"""
PEAK = f"""{READ_PEAK}
from ml.decoding.preprocess import load
load(Path(sys.argv[1]).read_bytes())
before = peak()
load(Path(sys.argv[2]).read_bytes())
print(peak() - before)
"""


def peak_of_second(first: Path, second: Path) -> int:
    """Bytes by which the peak of a process grows when it loads a second film; the first has loaded the libraries."""
    done = subprocess.run([sys.executable, "-c", PEAK, first, second], capture_output=True, text=True, check=True)
    return int(done.stdout)
