"""Create the first administrator of a new installation."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from screening.locks import START_LOCK, transaction_lock

USER = "admin"
FILE_TEXT = """The first login, made when this installation was started for the first time.

Address:  {address}
User:     {user}
Password: {password}

Change the password on the account page. This file is removed at the next start after that.
"""


class Command(BaseCommand):
    """The command ``manage.py first_login``."""

    help = "If there is no administrator, create one and print the password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--json", action="store_true", help="for programs: user, password and the file's name")
        parser.add_argument("--file", type=Path, help="also write a login that was made into this file, mode 0600")
        parser.add_argument("--address", default="", help="where to sign in, for the file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how to sign in."""
        with transaction_lock(START_LOCK):
            user, password = _find_or_create_administrator()
        file: Path | None = options["file"]
        if file is not None and password:
            self._keep(file, FILE_TEXT.format(address=options["address"], user=user, password=password))
        elif file is not None:
            _remove_if_changed(file)
        if options["json"]:
            kept = str(file) if file is not None and file.exists() else ""
            self.stdout.write(json.dumps({"user": user, "password": password, "file": kept}))
        else:
            self.stdout.write(_login_text(user, password))

    def _keep(self, file: Path, text: str) -> None:
        try:
            file.unlink(missing_ok=True)
            file.touch(mode=0o600, exist_ok=False)
            file.write_text(text)
        except OSError as error:  # the account exists by now, so the password must still be printed
            self.stderr.write(f"The first login could not be written to {file}: {error.strerror}")


def _find_or_create_administrator() -> tuple[str, str]:
    """Return the name of an administrator, and the password if the account was created now."""
    known = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if known is not None:
        return known.get_username(), ""
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser(USER, password=password).get_username(), password


def _remove_if_changed(file: Path) -> None:
    """Remove the file of the first login when its password is no longer valid."""
    try:
        values = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
    except OSError:
        return
    user = User.objects.filter(username=values.get("User", "").strip()).first()
    if user is None or not user.check_password(values.get("Password", "").strip()):
        file.unlink(missing_ok=True)


def _login_text(user: str, password: str) -> str:
    if password:
        return f"First login: user {user}, password {password}  (shown this once; change it on the account page)"
    return f"Sign in with an account you have, such as {user}. Forgotten? python manage.py changepassword {user}"
