"""Every code has one entry in a catalogue: raise sites, documents, schema and client follow it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework import exceptions

from ml.errors import Code
from screening.api.errors import FRAMEWORK
from screening.codes.entries import StartCode
from screening.codes.tables import FILM_CODES, NOTE_CODES, PROBE_CODES, REQUEST_CODES
from screening.management.commands.codes import DOCS, PAGES, Entry, filled
from screening.models import Film
from xrayscreen import codes

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("ml", "screening", "dashboard", "xrayscreen")
CATALOGUES = (
    "ml.codes",
    "ml.note_codes",
    "screening.codes.film_codes",
    "screening.codes.request_codes",
    "screening.codes.batch_codes",
    "screening.codes.reading_codes",
    "screening.codes.probe_codes",
    "screening.runtime.codes",
    "xrayscreen.codes",
)
CLASSES = {
    "Code",
    "FilmCode",
    "NoteCode",
    "RequestCode",
    "ProbeCode",
    "StartCode",
    "request_code",
    "probe_code",
    "start_code",
    "variant",
}
# What takes an entry and the values of its placeholders.
TAKES_ENTRY = {"FilmError", "ScreeningError", "ClientError", "FileError", "StartupError"}


# Arguments that are not for the sentence.
NO_PLACEHOLDERS = {"ClientError": {"status"}, "StartupError": {"log"}}


def entries() -> dict[str, Entry]:
    """Every entry and variant, by catalogue and name."""
    found = {}
    for module in CATALOGUES:
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, Entry):
                found[f"{module}.{name}"] = value
    return found


ENTRIES = entries()
BY_NAME = {name.rpartition(".")[2]: name for name in ENTRIES}


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    paths = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    return [(path, ast.parse(path.read_text())) for path in paths]


def raised() -> Iterator[tuple[str, str, set[str] | None]]:
    """Every use of an entry: its name, where, and the placeholders it fills, ``None`` where that is not seen."""
    for path, tree in sources():
        where = str(path.relative_to(ROOT))
        if where in _catalogue_files():
            continue
        modules = _modules(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _of_call(node, modules, where)


def _modules(tree: ast.Module) -> dict[str, str]:
    """The catalogues and entries that a module imports, by the name it has there."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _entry(node: ast.expr, modules: dict[str, str]) -> str:
    """The full name of the entry that an expression names; empty where it names none."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{modules.get(node.value.id, '')}.{node.attr}"
    return modules.get(node.id, "") if isinstance(node, ast.Name) else ""


def _of_call(node: ast.Call, modules: dict[str, str], where: str) -> Iterator[tuple[str, str, set[str] | None]]:
    words = None if any(word.arg is None for word in node.keywords) else {str(word.arg) for word in node.keywords}
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name in TAKES_ENTRY and node.args:
        values = None if words is None else words - NO_PLACEHOLDERS.get(name, set())
        yield _entry(node.args[0], modules), f"{where}:{node.lineno}", values
    if isinstance(node.func, ast.Attribute) and name == "reason":
        entry = _entry(node.func.value, modules)
        if entry in ENTRIES:
            yield entry, f"{where}:{node.lineno}", words


def test_every_error_names_an_entry_and_fills_its_placeholders() -> None:
    uses = list(raised())
    assert len(uses) > 80  # that the search finds them
    assert [(name, where) for name, where, _ in uses if name not in ENTRIES] == []
    wrong = [
        (where, words, ENTRIES[name].placeholders)
        for name, where, words in uses
        if words is not None and words != ENTRIES[name].placeholders
    ]
    assert wrong == []


def test_entries_are_made_in_the_catalogues_alone() -> None:
    places = {
        str(path.relative_to(ROOT))
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in CLASSES
    }
    catalogues = {f"{name.replace('.', '/')}.py" for name in CATALOGUES}
    assert places - catalogues == {"screening/codes/entries.py"}


def test_every_entry_is_used() -> None:
    """Uses within a catalogue count: some entries are there for their variants alone."""
    used = set()
    for path, tree in sources():
        modules = _modules(tree)
        own = "" if str(path.relative_to(ROOT)) not in _catalogue_files() else _module_name(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
                used |= {_entry(node, modules), f"{own}.{getattr(node, 'id', '')}"}
    assert {*ENTRIES} - used == set()


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _catalogue_files() -> set[str]:
    return {f"{name.replace('.', '/')}.py" for name in CATALOGUES}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_has_one_form(entry: Entry) -> None:
    is_of_start = isinstance(entry, StartCode)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*" if is_of_start else r"[a-z]+(_[a-z]+)*", entry.code)
    assert len(entry.code) <= (Film._meta.get_field("code").max_length or 0)
    assert entry.sentence.endswith((".", "}", "”"))
    assert not entry.about.endswith(".")
    if isinstance(entry, Code):
        assert (entry.status is None) == (entry.stage not in {"request", "probe"})
    assert "{" not in _shortest(entry) or entry.code == "hashes_invalid"


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_sentence_fits_into_the_column_for_it(entry: Entry) -> None:
    assert len(_shortest(entry)) <= (Film._meta.get_field("reason").max_length or 0)


def _shortest(entry: Entry) -> str:
    """Return the sentence with one character for each of its values."""
    values = dict.fromkeys(entry.placeholders, _Anything())
    return entry.reason(**values).detail if isinstance(entry, Code) else entry.detail(**values)


class _Anything(int):
    """A value that any format of a placeholder takes."""

    def __format__(self, form: str) -> str:
        return "1"


def test_catalogues_have_every_code_once() -> None:
    assert len({*FILM_CODES, *REQUEST_CODES, *PROBE_CODES}) > 100
    known = {*FILM_CODES, *NOTE_CODES, *REQUEST_CODES, *PROBE_CODES, *codes.CODES}
    assert {code.code for code in ENTRIES.values() if not isinstance(code, StartCode)} == known


def test_a_note_has_no_placeholders() -> None:
    assert [note.code for note in NOTE_CODES.values() if note.placeholders] == []


def test_the_client_acts_on_codes_that_the_server_has() -> None:
    assert {*codes.SERVER_CODES} - {*REQUEST_CODES} == set()
    assert {*codes.CODES} & {*REQUEST_CODES} == set()
    without_row = {entry.code for entry in ENTRIES.values() if isinstance(entry, codes.Code)} - {*codes.CODES}
    assert without_row - codes.SERVER_CODES == set()


def test_every_error_of_the_framework_has_an_entry() -> None:
    """But for ``NotFound``, which becomes ours, and ``Throttled``, as nothing is throttled."""
    known = {error for error in vars(exceptions).values() if _is_error(error)}
    assert known - {*FRAMEWORK} == {exceptions.APIException, exceptions.NotFound, exceptions.Throttled}
    assert all(code.status == error.status_code for error, code in FRAMEWORK.items())


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, exceptions.APIException)


def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def test_the_schema_is_made_without_a_warning_and_knows_every_code_of_requests() -> None:
    with patch("drf_spectacular.drainage.GENERATOR_STATS.emit") as said:
        parts = schema()["components"]["schemas"]
    said.assert_not_called()
    assert parts["ErrorCode"]["enum"] == [*REQUEST_CODES]
    assert parts["ErrorAnswer"]["required"] == ["code", "detail"]


def test_every_operation_lists_the_errors_that_it_can_answer() -> None:
    operations = [operation for path in schema()["paths"].values() for operation in path.values()]
    assert len(operations) > 10
    for operation in operations:
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"401", "503"} <= {*errors}, operation["operationId"]
        for status, answer in errors.items():
            listed = re.findall(r"^\* `([a-z_]+)`", answer["description"], re.MULTILINE)
            assert listed
            assert {str(REQUEST_CODES[code].status) for code in listed} == {status}


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_in_the_documents_are_those_of_the_catalogues(page: str) -> None:
    text = (DOCS / page).read_text()
    assert filled(text, PAGES[page]) == text, "run `make format`"


def test_the_pages_name_the_limits_in_force() -> None:
    from django.conf import settings

    from ml.decoding.headers import MIN_SIDE

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
