"""Django's ``migrate`` with a lock, since machines that start together may all run it on one database."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from screening.locks import MIGRATE_LOCK, session_lock


class Command(migrate.Command):
    """The command ``manage.py migrate``."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Wait until no other process migrates this database, then run the remaining migrations."""
        alias = options["database"]
        if connections[alias].vendor != "postgresql":
            return super().handle(*args, **options)
        with session_lock(MIGRATE_LOCK, alias):
            return super().handle(*args, **options)
