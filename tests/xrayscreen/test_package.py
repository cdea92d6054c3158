"""The client stands on its own."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "xrayscreen"
NEEDED = {"requests", "tqdm"}
WITH_REQUESTS = {"urllib3"}


def test_it_imports_nothing_but_requests_and_tqdm() -> None:
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names - {"xrayscreen"} == NEEDED | WITH_REQUESTS


def test_importing_it_loads_neither_django_nor_the_rest_of_the_house() -> None:
    code = "import sys, xrayscreen.commands; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert loaded >= NEEDED
    assert not loaded & {"django", "ml", "screening", "dashboard", "numpy", "onnxruntime", "celery", "pydicom"}


def test_what_is_installed_is_the_client_and_its_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["packages"] == ["xrayscreen"]
    names = {requirement.split(">")[0] for requirement in project["project"]["dependencies"]}
    assert names == NEEDED
    module, _, function = project["project"]["scripts"]["xrayscreen"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_files_stay_small() -> None:
    assert all(len(path.read_text().splitlines()) <= 300 for path in PACKAGE.rglob("*.py"))
