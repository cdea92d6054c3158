"""Create a user and an API token for a program."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from screening.accounts.tokens import create_token


class Command(BaseCommand):
    """The command ``manage.py service_user NAME``."""

    help = "Create the user if missing, set a new password and API token, and print them as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("name")
        parser.add_argument("--staff", action="store_true", help="may review flagged films")
        parser.add_argument("--keep-password", action="store_true", help="leave an existing user's password")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print ``{"user": ..., "password": ..., "token": ...}``."""
        user, new = User.objects.get_or_create(username=options["name"])
        password = None
        if new or not options["keep_password"]:
            password = secrets.token_urlsafe(9)
            user.set_password(password)
        if options["staff"]:
            user.is_staff = True
        user.save()
        user.api_tokens.filter(name="command line").delete()
        _, key = create_token(user=user, name="command line")
        self.stdout.write(json.dumps({"user": user.username, "password": password, "token": key}))
