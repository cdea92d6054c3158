"""Static files: every file that a template or a script names exists, and every file is named somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import dashboard

PACKAGE = Path(dashboard.__file__).parent
STATIC = PACKAGE / "static" / "dashboard"
IN_TEMPLATE = re.compile(r"""{% static ['"]dashboard/([^'"]+)['"] %}""")
IN_SCRIPT = re.compile(r"""(?:from|import) ['"](\.{1,2}/[^'"]+)['"]""")


def _files() -> set[Path]:
    return {path for path in STATIC.rglob("*") if path.is_file()}


def _named() -> dict[Path, str]:
    """Map each named file to the template or script that names it."""
    named: dict[Path, str] = {}
    for template in (PACKAGE / "templates").rglob("*.html"):
        for name in IN_TEMPLATE.findall(template.read_text(encoding="utf-8")):
            named[STATIC / name] = template.name
    for script in STATIC.rglob("*.js"):
        for name in IN_SCRIPT.findall(script.read_text(encoding="utf-8")):
            named[(script.parent / name).resolve()] = script.name
    return named


def test_every_named_file_exists() -> None:
    missing = {str(path): where for path, where in _named().items() if path not in _files()}
    assert missing == {}


def test_every_file_is_named_somewhere() -> None:
    assert _files() - set(_named()) == set()


def test_files_lie_in_the_folders_of_the_pages() -> None:
    """At the top there are only folders and the site's icon."""
    assert [path.name for path in STATIC.iterdir() if path.is_file()] == ["icon.svg"]
