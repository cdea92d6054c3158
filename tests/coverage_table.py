"""The coverage of a test run as a table with one line a package."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coverage import Coverage, CoverageException

ROOT = Path(__file__).resolve().parents[1]


def package_of(file: str) -> str:
    """Return the folder of a file, at most two levels deep."""
    return "/".join(Path(file).parent.parts[:2])


def format_table(files: Mapping[str, Any]) -> str:
    """Return the lines of a table: package, statements, and the share of them that was run.

    Args:
        files: the part ``files`` of coverage.py's JSON report.
    """
    statements: Counter[str] = Counter()
    run: Counter[str] = Counter()
    for file, report in files.items():
        for name in (package_of(file), "all"):
            statements[name] += report["summary"]["num_statements"]
            run[name] += report["summary"]["covered_lines"]
    names = [*sorted(name for name in statements if statements[name] and name != "all"), "all"]
    rows = [f"{name:<28}{statements[name]:>10}{run[name] / max(1, statements[name]):>8.0%}" for name in names]
    return "\n".join([f"{'package':<28}{'statements':>10}{'run':>8}", *rows])


def print_coverage(folder: Path) -> None:
    """Print the table of all data files together; without one, say that there is none.

    Args:
        folder: where ``coverage run`` wrote the data files, named ``coverage.…``.
    """
    report = folder / "report.json"
    coverage = Coverage(data_file=str(folder / "coverage"), config_file=str(ROOT / "pyproject.toml"))
    try:
        coverage.combine([str(folder)])
        coverage.json_report(outfile=str(report))
    except CoverageException as error:
        print(f"No coverage: {error}")
        return
    table = format_table(json.loads(report.read_text())["files"])
    print(f"\nCoverage (report only; processes that the tests start are not measured)\n{table}")
