"""Templates: each one is used, formatted by djangofmt, and has short lines."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "dashboard" / "templates", ROOT / "screening" / "templates"]
TEMPLATES = sorted(path for folder in FOLDERS for path in folder.rglob("*.html"))
FOUND_BY_DJANGO = {"403.html", "404.html", "500.html", "registration/login.html", "admin/base_site.html"}
MAX_LINE = 120


def _name(path: Path) -> str:
    """The name that a view or another template uses for this template."""
    return next(str(path.relative_to(folder)) for folder in FOLDERS if path.is_relative_to(folder))


def test_lines_are_short() -> None:
    long = [
        f"{_name(path)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > MAX_LINE
    ]
    assert long == []


def test_every_template_is_used() -> None:
    code = [path for package in ("dashboard", "screening") for path in (ROOT / package).rglob("*.py")]
    text = "\n".join(path.read_text() for path in (*code, *TEMPLATES))
    unused = {name for name in map(_name, TEMPLATES) if f'"{name}"' not in text}
    assert unused - FOUND_BY_DJANGO == set()


def test_templates_are_formatted() -> None:
    formatter = shutil.which("djangofmt", path=str(Path(sys.executable).parent)) or shutil.which("djangofmt")
    if formatter is None:
        pytest.skip("djangofmt is not installed; `make lint` checks this too")
    done = subprocess.run([formatter, "--check", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
