"""``make test``: run the tests that start whole systems beside all others, since the former mostly wait.

Both run under coverage.py; a table by package ends the output and decides nothing. ``COVERAGE=0`` turns it off. Code
that runs in processes of its own is not measured, since tests kill these processes and hold them to limits.

With arguments it is plain pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.coverage_table import print_coverage

ROOT = Path(__file__).resolve().parents[1]
# These start servers, workers and browsers of their own.
SYSTEMS = (
    "tests/chaos", "tests/e2e", "tests/hostile", "tests/offline", "tests/xrayscreen", "tests/screening/demo",
    "tests/screening/runtime", "tests/screening/web", "tests/screening/worker/test_pipeline.py",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run everything, or what the arguments name, and return the exit status."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT).returncode
    if os.environ.get("COVERAGE") == "0":
        return run_halves(None)
    with tempfile.TemporaryDirectory() as data:
        status = run_halves(Path(data))
        print_coverage(Path(data))
    return status


def pytest_command(data: Path | None) -> list[str]:
    """Return the command that starts pytest, measured where there is a file for the data."""
    measured = [] if data is None else ["coverage", "run", f"--data-file={data}", "-m"]
    return [sys.executable, "-m", *measured, "pytest"]


def run_halves(data: Path | None) -> int:
    """Run both halves at once and return the first exit status that is not 0.

    Args:
        data: the folder for the data of coverage.py; without one nothing is measured.
    """
    folder = os.environ.get("TEST_INSTANCE") or str(ROOT / "var" / "test")
    with tempfile.TemporaryFile("w+") as output:
        systems = subprocess.Popen(
            [*pytest_command(data and data / "coverage.systems"), *SYSTEMS],
            cwd=ROOT, env={**os.environ, "TEST_INSTANCE": f"{folder}-systems"},
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started = time.monotonic()
        try:
            others = [f"--ignore={path}" for path in SYSTEMS]
            rest = subprocess.run(
                [*pytest_command(data and data / "coverage.others"), "tests", *others], cwd=ROOT
            ).returncode
            print(f"\n{time.monotonic() - started:.0f} s; waiting for the tests of whole systems …", flush=True)
            status = systems.wait()
        except KeyboardInterrupt:
            systems.wait()  # it got the signal as well
            raise
        output.seek(0)
        sys.stdout.write(output.read())
    print(f"{time.monotonic() - started:.0f} s in all")
    return rest or status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
