"""Print the tables of codes, or write them into the documentation."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from ml.errors import Code
from screening.codes import request_codes
from screening.codes.tables import FILM_CODES, NOTE_CODES, PROBE_CODES, REQUEST_CODES
from xrayscreen.codes import CODES as CLIENT_CODES
from xrayscreen.codes import Code as ClientCode

DOCS = Path(__file__).resolve().parents[3] / "docs"
HEAD = {False: "| code | what it means, and what to do |\n| --- | --- |\n",
        True: "| code | status | what it means, and what to do |\n| --- | ---: | --- |\n"}  # fmt: skip
Entry = Code | ClientCode
TABLES: dict[str, Mapping[str, Entry]] = {
    "films": FILM_CODES,
    "notes": NOTE_CODES,
    "requests": REQUEST_CODES,
    "probes": PROBE_CODES,
    "client": CLIENT_CODES,
}
PAGES = {"uploader.md": ("films", "notes"), "program.md": ("probes", "requests", "client")}


class Command(BaseCommand):
    """``python manage.py codes [--write]``."""

    help = "print the tables of codes; --write: put them between their markers in docs/"
    requires_system_checks: list[str] = []  # noqa: RUF012  # as Django has it; no database is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--write``."""
        parser.add_argument("--write", action="store_true", help="write the tables into docs/")

    def handle(self, *args: Any, write: bool, **options: Any) -> None:
        """Print or write the tables."""
        if not write:
            self.stdout.write("\n".join(table(codes.values()) for codes in TABLES.values()))
            return
        for name, tables in PAGES.items():
            page = DOCS / name
            page.write_text(filled(page.read_text(), tables))


def table(codes: Iterable[Entry]) -> str:
    """Return the codes as a table in Markdown; with a column for the HTTP status where they have one."""
    rows = list(codes)
    with_status = any(_status(code) for code in rows)
    lines = [
        f"| `{code.code}` | {_status(code)} | {code.about} |" if with_status else f"| `{code.code}` | {code.about} |"
        for code in rows
    ]
    return HEAD[with_status] + "\n".join(lines) + "\n"


def filled(text: str, tables: Iterable[str]) -> str:
    """Return a page with these tables between their markers.

    Args:
        text: the page.
        tables: keys of :data:`TABLES`; each has a marker ``<!-- codes: KEY -->`` and an end.

    Raises:
        ValueError: when a marker is missing.
    """
    for name in tables:
        begin, end = f"<!-- codes: {name} -->\n", f"<!-- end of codes: {name} -->\n"
        before, _, rest = text.partition(begin)
        _, marked, after = rest.partition(end)
        if not marked:
            raise ValueError(f"the page has no {begin.strip()} … {end.strip()}")
        text = f"{before}{begin}\n{table(TABLES[name].values())}\n{end}{after}"
    return text


def _status(code: Entry) -> str:
    if code is request_codes.ERROR:
        return "any"
    return str(code.status or "") if isinstance(code, Code) else ""
