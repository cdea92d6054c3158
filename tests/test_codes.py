"""The codes in docs/ are those in the code, all of them and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from rest_framework import exceptions

from ml.inference.gate import REFUSALS
from xrayscreen.client import BROKEN_OFF

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("ml", "screening", "dashboard", "xrayscreen")
ELSEWHERE = {"runtime", "migrations", "models"}  # what starts the servers has errors of its own, for its operator
# Which argument of a call is a code.
PLACES = {
    "FilmError": 0, "NotScoredError": 0, "ScreeningError": 0, "ClientError": 0, "FileError": 0, "Refusal": 0,
    "Refused": 0, "Trouble": 0, "NotSent": 1, "_reject": 1, "AuthenticationFailed": 1,
}  # fmt: skip
# What the framework answers by itself, beyond what our code says.
FRAMEWORK: set[type[exceptions.APIException]] = {
    exceptions.NotAuthenticated, exceptions.PermissionDenied, exceptions.NotFound, exceptions.MethodNotAllowed,
    exceptions.NotAcceptable, exceptions.UnsupportedMediaType, exceptions.ParseError,
}  # fmt: skip
ROW = re.compile(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", re.MULTILINE)


def documented(name: str) -> set[str]:
    """The codes in the tables of a page whose first column is headed so."""
    text = (ROOT / "docs" / name).read_text()
    tables = [part for part in re.split(r"\n\n", text) if part.startswith("| code |")]
    assert tables
    return {code for table in tables for cell in ROW.findall(table) for code in re.findall(r"`([a-z_]+)`", cell)}


def in_code() -> Iterator[tuple[str, str]]:
    """Every code in the source, and where."""
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            if ELSEWHERE.isdisjoint(path.relative_to(ROOT).parts):
                for node in ast.walk(ast.parse(path.read_text())):
                    yield from ((code, str(path.relative_to(ROOT))) for code in _codes(node))
    yield from ((code, "ml/inference/gate.py") for code, _ in REFUSALS.values())
    yield BROKEN_OFF, "xrayscreen/client.py"
    yield "not_found", "screening/errors.py"


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = PLACES.get(name, len(node.args))
        values = [*node.args[place : place + 1], *(word.value for word in node.keywords if word.arg == "code")]
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code"]
    else:
        return
    for value in values:
        if isinstance(value, ast.Constant) and value.value:
            yield str(value.value)


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    places: dict[str, set[str]] = {}
    for code, place in in_code():
        places.setdefault(code, set()).add(place)
    assert len(places) > 80  # that the search finds them
    written = documented("uploader.md") | documented("program.md")
    of_framework = {str(error.default_code) for error in FRAMEWORK}
    assert {code: where for code, where in places.items() if code not in written} == {}
    assert written - set(places) - of_framework == set()


def test_codes_of_films_are_on_the_uploaders_page() -> None:
    of_films = {"ml", "screening/intake/zip/archive.py", "screening/worker/chunk.py", "screening/worker/leases.py"}
    raised = {code for code, place in in_code() if any(place.startswith(part) for part in of_films)}
    assert raised - documented("uploader.md") == set()


def test_codes_are_all_of_one_form() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code, _ in in_code())


def test_the_pages_name_the_limits_in_force() -> None:
    from django.conf import settings

    from screening.intake.inspection import MIN_SIDE

    text = (ROOT / "docs" / "uploader.md").read_text()
    mib = 1024 * 1024
    for words in (
        f"{settings.MAX_FILE_BYTES // mib} MiB, {settings.MAX_MEGAPIXELS} megapixels",
        f"at least {MIN_SIDE} pixels",
        f"{settings.MAX_ARCHIVE_BYTES // mib // 1024} GiB packed, {settings.MAX_UNPACKED_BYTES // mib // 1024} GiB",
        f"{settings.MAX_ARCHIVE_MEMBERS:,} files, unpacked {settings.MAX_ARCHIVE_RATIO} times",
        f"{settings.DATA_UPLOAD_MAX_NUMBER_FILES:,} files",
        f"{settings.QUOTA_FILES:,} files, {settings.QUOTA_BYTES // mib // 1024**2} TiB",
        f"{settings.QUOTA_OPEN_BATCHES} batches not submitted",
    ):
        assert words in text, words
