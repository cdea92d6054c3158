"""Every variable that the code reads is on the settings page and in .env.example, and nothing else is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from screening.config import environment

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("ml", "screening", "dashboard", "xrayscreen", "manage.py")
READERS = {"read_flag", "read_number", "read_share", "read_list", "_text", "getenv"}
# Read or set by the code, and nothing that an operator sets. Each with the reason.
INTERNAL = {
    "DJANGO_SETTINGS_MODULE": "always screening.config.settings",
    "OMP_NUM_THREADS": "set by the code before NumPy is imported",
    "CELERY_SKIP_CHECKS": "set by the code",
    "ORT_DISABLE_TELEMETRY": "set by the code before ONNX Runtime is imported",
    "SCREENING_READY_FILE": "between the supervisor and its processes",
    "NO_COLOR": "a convention of terminals",
    "XDG_STATE_HOME": "a convention of desktops",
}
# On the page, but of no use to the server's processes, so not in .env.example.
NOT_OF_THE_SERVER = {
    "XRAYSCREEN_SERVER": "of the command-line client",
    "XRAYSCREEN_TOKEN": "of the command-line client",
    "XRAY_DATA_DIR": "of training and evaluation",
    "SCREENING_DATA_DIR": "the compose file has a volume there",
    "SCREENING_ALIVE_FILE": "the compose file and its health check agree on it",
    "STATIC_ROOT": "for who collects static files",
}


def read_by_code() -> set[str]:
    """Names that the source asks the environment for."""
    files = [
        path for part in SOURCES for path in ([ROOT / part] if part.endswith(".py") else (ROOT / part).rglob("*.py"))
    ]
    names = {name for path in files for node in ast.walk(ast.parse(path.read_text())) for name in _names(node)}
    return {name for name in names if name.isupper()} - set(INTERNAL)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        yield from _text(node.slice)
    if not (isinstance(node, ast.Call) and node.args):
        return
    function = ast.unparse(node.func)
    if function in READERS or function in {"os.environ.get", "os.environ.setdefault", "os.getenv"}:
        yield from _text(node.args[0])
    if function == "read_secret":
        for name in _text(node.args[0]):
            yield from (name, f"{name}_FILE")


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def read_by_compose() -> set[str]:
    """Names that the compose file takes from the shell or from .env."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))


def documented() -> set[str]:
    """Names in the first column of the tables of the page."""
    rows = re.findall(r"^\| (`[^|]+) \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}


def example() -> list[tuple[str, str]]:
    """Names and values in .env.example, all of them commented out or empty."""
    return re.findall(r"^#?([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_search_finds_each_way_of_reading() -> None:
    assert {
        "FSYNC",
        "CHUNK_SECONDS",
        "AUDIT_SAMPLE",
        "S3_BUCKET",
        "S3_SECRET_KEY_FILE",
        "LOG_LEVEL",
    } <= read_by_code()
    assert {"BIND", "PORT", "WORKER_STOP_GRACE"} <= read_by_compose()


def test_the_page_has_every_variable_and_no_other() -> None:
    assert documented() - read_by_code() - read_by_compose() == set()
    assert (read_by_code() | read_by_compose()) - documented() == set()


def test_the_example_has_every_variable_and_no_other() -> None:
    names = [name for name, _ in example()]
    assert len(names) == len(set(names))
    assert set(names) == documented() - set(NOT_OF_THE_SERVER)


def test_exceptions_are_needed() -> None:
    assert set(NOT_OF_THE_SERVER) <= documented()
    assert not set(INTERNAL) & documented()


def test_the_example_sets_nothing_but_what_must_be_filled_in() -> None:
    live = re.findall(r"^([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert live == [(name, "") for name in ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")]


def test_the_defaults_of_the_example_are_those_of_the_code() -> None:
    """Uncommented, a line changes nothing: the settings are the same with all of them set."""
    code = (
        "from django.conf import settings; import screening.config.settings as s;"
        "print({n: getattr(settings, n) for n in dir(s) if n.isupper() and n not in "
        "('SECRET_KEY', 'PSEUDONYM_KEY')})"
    )
    values = dict(value for value in example() if value[1])
    shown = []
    for extra in ({}, values):
        env = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "screening.config.settings", **extra}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
    assert shown[0] == shown[1]


@pytest.mark.parametrize("default", [True, False])
def test_an_empty_line_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, default: bool) -> None:
    for name in ("FSYNC", "DJANGO_ALLOWED_HOSTS", "CHUNK_FILMS", "AUDIT_SAMPLE"):
        monkeypatch.setenv(name, "")
    assert environment.read_flag("FSYNC", default) is default
    assert environment.read_list("DJANGO_ALLOWED_HOSTS", "localhost") == ["localhost"]
    assert environment.read_number("CHUNK_FILMS", 3) == 3
    assert environment.read_share("AUDIT_SAMPLE", 0.5) == 0.5
