"""Add gold cases from a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from screening.errors import ScreeningError
from screening.models import Film
from screening.reading.gold import add_gold_case

COLUMNS = {"film", "truth"}


class Command(BaseCommand):
    """The command ``manage.py gold_case TABLE.csv --by NAME``."""

    help = (
        "Add hidden gold cases: films with a known truth. The table has the columns film (its id or sha256), "
        "truth (positive or negative) and, if wanted, note. All of its rows are added, or none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("table", type=Path)
        parser.add_argument("--by", required=True, metavar="NAME", help="the member of staff who adds them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the gold cases and print their number."""
        by = User.objects.filter(username=options["by"], is_staff=True).first()
        if by is None:
            raise CommandError(f"There is no member of staff named {options['by']!r}.")
        with transaction.atomic():
            problems, entered = self._enter(self._rows(options["table"]), by)
            if problems:
                raise CommandError("Nothing was added:\n" + "\n".join(problems))
        self.stdout.write(f"{entered} gold cases added")

    def _rows(self, table: Path) -> list[dict[str, str]]:
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{table} cannot be read: {error}") from error
        if missing := COLUMNS - set(reader.fieldnames or []):
            raise CommandError(f"{table} lacks the column {' and '.join(sorted(missing))}.")
        return rows

    def _enter(self, rows: list[dict[str, str]], by: User) -> tuple[list[str], int]:
        problems = []
        for line, row in enumerate(rows, start=2):
            film = _find_film(row["film"] or "")
            if film is None:
                problems.append(f"line {line}: there is no film {row['film']!r}")
                continue
            try:
                add_gold_case(film=film, truth=(row["truth"] or "").strip(), added_by=by, note=row.get("note") or "")
            except ScreeningError as error:
                problems.append(f"line {line}: {error.detail}")
        return problems, len(rows) - len(problems)


def _find_film(name: str) -> Film | None:
    """Return the film with this id, or the newest film with this sha256."""
    name = name.strip().lower()
    try:
        return Film.objects.filter(pk=UUID(name)).first()
    except ValueError:
        screened = Film.objects.filter(sha256=name, pictured=True).exclude(decision="")
        return screened.order_by("-created_at").first()
