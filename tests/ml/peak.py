"""How much memory decoding a film takes, told in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PEAK = """
import resource, sys
from pathlib import Path
from ml.decoding.preprocess import load
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
load(Path(sys.argv[1]).read_bytes())
before = peak()
load(Path(sys.argv[2]).read_bytes())
print(peak() - before)
"""


def peak_of_second(first: Path, second: Path) -> int:
    """Bytes by which the peak of a process grows when it loads a second film; the first has loaded the libraries."""
    done = subprocess.run([sys.executable, "-c", PEAK, first, second], capture_output=True, text=True, check=True)
    return int(done.stdout)
