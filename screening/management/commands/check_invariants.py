"""Check the invariants of rows and stored files."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.accounts import quotas
from screening.integrity.checks import GRACE, delete_orphan, find_violations
from screening.integrity.violations import CheckedCounts, Violation
from screening.models import Film


class Command(BaseCommand):
    """The command ``manage.py check_invariants``."""

    help = (
        "Check that every film is in one state that its fields match, has one prediction a model, is counted right, "
        "and that every stored file has its row and every row its files. One line a violation; exit status 1 if "
        "there is any. Can run beside a working system. Files without a row, which an interrupted upload leaves, are "
        "reported once they are older than --grace; --delete-orphans removes those and changes nothing else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument(
            "--settled", action="store_true", help="also demand that every submitted film is in a final state"
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line: the violations, then what was looked at"
        )
        parser.add_argument(
            "--grace", type=float, default=GRACE.total_seconds(), metavar="SECONDS",
            help="a file without a row is no violation when it is younger (default: %(default).0f)",
        )  # fmt: skip
        parser.add_argument(
            "--delete-orphans", action="store_true", help="remove files without a row that are older than --grace"
        )
        parser.add_argument(
            "--recount", action="store_true", help="first recompute users' quota usage from their rows"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Report the violations; exit with status 1 if there is any."""
        if options["delete_orphans"] and not Film.objects.exists():
            raise CommandError(
                "There is no film, so this may be the wrong database. Nothing was deleted; check DATABASE_URL."
            )
        if options["recount"]:
            quotas.recount_usage()
        tally, found, removed = CheckedCounts(), 0, 0
        grace = timedelta(seconds=options["grace"])
        for violation in find_violations(tally, settled=options["settled"], grace=grace):
            if options["delete_orphans"] and violation.code == "orphan_file" and delete_orphan(violation.subject):
                removed += 1
                continue
            found += 1
            self._say(violation, as_json=options["json"])
        self._sum_up(tally, found, removed, as_json=options["json"])
        if found:
            raise CommandError(f"{found} violations", returncode=1)

    def _say(self, violation: Violation, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(asdict(violation)) if as_json else str(violation))

    def _sum_up(self, tally: CheckedCounts, found: int, removed: int, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"violations": found, "orphans_removed": removed, **asdict(tally)}))
            return
        self.stdout.write(
            f"{tally.films:,} films in {tally.batches:,} batches, {tally.files:,} files: {found} violations"
            + (f"; {tally.young_orphans} files without a row are too young to judge" if tally.young_orphans else "")
            + (f"; {removed} removed" if removed else "")
        )
