"""The coverage of a test run as a table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.coverage_table import format_table, package_of, print_coverage

ROOT = Path(__file__).resolve().parents[1]


def test_a_package_is_at_most_two_folders() -> None:
    files = ["xrayscreen/client.py", "ml/training/gate/train.py", "screening/tasks.py"]
    assert [package_of(file) for file in files] == ["xrayscreen", "ml/training", "screening"]


def test_a_package_has_the_sum_of_its_files() -> None:
    counts = {
        "a/b/c.py": (8, 2),
        "a/b/d/e.py": (12, 9),
        "f/g.py": (20, 20),
        "f/empty.py": (0, 0),
        "h/__init__.py": (0, 0),
    }
    files = {
        file: {"summary": {"num_statements": statements, "covered_lines": run}}
        for file, (statements, run) in counts.items()
    }
    _, *rows = [line.split() for line in format_table(files).splitlines()]
    assert rows == [["a/b", "20", "55%"], ["f", "20", "100%"], ["all", "40", "78%"]]


def test_runs_are_measured_combined_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("xrayscreen.errors", "ml.errors"):
        script = tmp_path / f"{module}.py"
        script.write_text(f"import {module}")
        command = [
            sys.executable,
            "-m",
            "coverage",
            "run",
            f"--data-file={tmp_path / 'coverage'}.{module}",
            str(script),
        ]
        subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    print_coverage(tmp_path)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    shares = {row[0]: int(row[2].rstrip("%")) for row in rows if row and row[0] in ("xrayscreen", "ml", "dashboard")}
    assert 0 < shares["xrayscreen"] < 100
    assert 0 < shares["ml"] < 100
    assert shares["dashboard"] == 0


def test_a_run_without_data_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_coverage(tmp_path)
    assert capsys.readouterr().out.startswith("No coverage: ")
