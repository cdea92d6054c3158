"""The database is written in the modules of one list, and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The modules that write to the database, and no others; every other module calls these.
WRITERS = {
    "screening/accounts/groups.py",
    "screening/accounts/quotas.py",
    "screening/accounts/tokens.py",
    "screening/admin/accounts.py",
    "screening/batches/counts_compaction.py",
    "screening/batches/reruns.py",
    "screening/batches/services.py",
    "screening/intake/archive_bytes.py",
    "screening/intake/persist.py",
    "screening/management/commands/first_login.py",
    "screening/management/commands/service_user.py",
    "screening/model_versions.py",
    "screening/reading/gold.py",
    "screening/reading/reviews.py",
    "screening/reading/services.py",
    "screening/reading/statements.py",
    "screening/worker/leases.py",
    "screening/worker/statements.py",
    "screening/worker/sweep.py",
    "screening/worker/unpacking.py",
}
WRITING_METHODS = {
    "create", "bulk_create", "get_or_create", "update_or_create", "create_user", "create_superuser", "update",
    "bulk_update", "save", "delete", "select_for_update",
}  # fmt: skip
# Of many-to-many fields, which are told by their names, as sets and dictionaries have these methods as well.
RELATION_METHODS = {"add", "set", "remove", "clear"}
RELATIONS = {"groups", "permissions", "user_permissions", "user_set"}
WRITING_SQL = re.compile(
    r"\b(INSERT\s+INTO|UPDATE\s+\w+(\s+AS)?(\s+\w+)?\s+SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\b", re.IGNORECASE
)
# Objects that are no table and have a method of such a name, by module. Any other object counts as a table.
NOT_TABLES = {
    ("screening/config/celery.py", "app.conf"),
    ("screening/deidentification/exif.py", "picture.info"),
    ("screening/intake/archive_bytes.py", "default_storage"),
    ("screening/intake/inspection.py", "digest"),
    ("screening/intake/persist.py", "default_storage"),
    ("screening/integrity/checks.py", "default_storage"),
    ("screening/storage/local.py", "backend"),
    ("screening/worker/inference.py", "image"),
    ("screening/worker/viewer_rendering.py", "default_storage"),
}


def _written_objects(source: str) -> set[str]:
    """Return what a module writes to: the objects that writing methods are called on, and "SQL" for statements."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and node.body
                  and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, method = node.func.value, node.func.attr
            related = isinstance(owner, ast.Attribute) and owner.attr in RELATIONS and method in RELATION_METHODS
            if related or method in WRITING_METHODS:
                found.add(ast.unparse(owner))
        elif isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in docstrings:
            found |= {"SQL"} if WRITING_SQL.search(_text_of(node)) else set()
    return found


def _text_of(node: ast.Constant | ast.JoinedStr) -> str:
    """Return a string's text, with a word in the place of every value that is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


def _writers() -> dict[str, set[str]]:
    """Return the objects that each module of the server writes to; migrations are left out."""
    paths = [path for part in ("screening", "dashboard") for path in sorted((ROOT / part).rglob("*.py"))]
    modules = {str(path.relative_to(ROOT)): _written_objects(path.read_text()) for path in paths}
    return {module: found for module, found in modules.items() if found and "/migrations/" not in module}


def test_the_database_is_written_only_in_the_modules_of_one_list() -> None:
    writers = {
        module: tables
        for module, found in _writers().items()
        if (tables := {name for name in found if (module, name) not in NOT_TABLES})
    }
    assert {module: tables for module, tables in writers.items() if module not in WRITERS} == {}
    assert WRITERS - set(writers) == set()  # a module that writes no more leaves the list


def test_what_is_taken_for_no_table_is_still_there() -> None:
    found = {(module, name) for module, names in _writers().items() for name in names}
    assert {entry for entry in NOT_TABLES if entry not in found} == set()


@pytest.mark.parametrize(
    "line",
    [
        "Film.objects.create(x=1)",
        "Film.objects.bulk_create(rows)",
        "Film.objects.filter(pk=1).update(state='done')",
        "rows.delete()",
        "film.save(force_insert=True)",
        "Film.objects.select_for_update().get(pk=1)",
        "Quota.objects.get_or_create(pk=1)",
        "ModelVersion.objects.update_or_create(name='')",
        "user.groups.add(group)",
        "cursor.execute('DELETE FROM screening_filmcount')",
        "COPY = f'INSERT INTO {TABLE} VALUES (1)'",
        "RECORD = f'UPDATE {TABLE} AS film SET {COLUMNS}'",
    ],
)
def test_a_write_is_recognised(line: str) -> None:
    assert _written_objects(line)


@pytest.mark.parametrize(
    "line",
    ["Film.objects.filter(pk=1).first()", "names.add('x')", '"""DELETE FROM a docstring."""', "SELECT = 'SELECT 1'"],
)
def test_a_read_is_no_write(line: str) -> None:
    assert not _written_objects(line)
