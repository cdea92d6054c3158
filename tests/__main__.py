"""``make test``: the tests that run whole systems beside all others, since the former mostly wait.

With arguments it is plain pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# These start servers, workers and browsers of their own.
SYSTEMS = (
    "tests/chaos", "tests/e2e", "tests/hostile", "tests/offline", "tests/xrayscreen", "tests/screening/demo",
    "tests/screening/runtime", "tests/screening/web", "tests/screening/worker/test_pipeline.py",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run everything, or what the arguments name; returns the exit status."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], cwd=ROOT).returncode
    folder = os.environ.get("TEST_INSTANCE") or str(ROOT / "var" / "test")
    with tempfile.TemporaryFile("w+") as said:
        systems = subprocess.Popen(
            [*pytest, *SYSTEMS], cwd=ROOT, env={**os.environ, "TEST_INSTANCE": f"{folder}-systems"},
            stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started = time.monotonic()
        try:
            others = [f"--ignore={path}" for path in SYSTEMS]
            rest = subprocess.run([*pytest, "tests", *others], cwd=ROOT).returncode
            print(f"\n{time.monotonic() - started:.0f} s; now those of whole systems, which ran beside …", flush=True)
            status = systems.wait()
        except KeyboardInterrupt:
            systems.wait()  # it got the signal as well
            raise
        said.seek(0)
        sys.stdout.write(said.read())
    print(f"{time.monotonic() - started:.0f} s in all")
    return rest or status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
