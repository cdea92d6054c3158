"""The last lines of a start: address, first login, folder of the logs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from screening.runtime.stack import Stack

_LOGIN_FILE = "first-login.txt"
_LABEL_WIDTH = 9


def first_login(stack: Stack) -> str:
    """Make the first administrator where there is none, and return how to sign in.

    A login that was made is in a private file of the instance too. Raises StartupError ``step-failed``.
    """
    file = stack.instance / _LOGIN_FILE
    options = ("--json", "--file", str(file), "--address", stack.base_url)
    login: dict[str, str] = json.loads(stack.run_management_command("first_login", *options))
    kept = _shown(Path(login["file"])) if login["file"] else ""
    if login["password"]:
        also = f"\nalso in {kept}" if kept else ""
        return f"user {login['user']}, password {login['password']} (change it on the account page){also}"
    if kept:
        return f"user {login['user']}, first password in {kept}"
    return f"with your account; forgotten? {_shown(Path(sys.executable))} manage.py changepassword {login['user']}"


def summary_lines(stack: Stack, sign_in: str) -> Iterator[str]:
    """Return the lines that stay on the screen while the system runs."""
    yield ""
    yield from _summary_entry("Address", stack.base_url)
    if names := _only_other_names(stack):
        yield from _summary_entry("", f"DJANGO_ALLOWED_HOSTS lets it answer to these names only: {names}")
    yield from _summary_entry("Sign in", sign_in)
    yield from _summary_entry("Logs", _shown(stack.instance / "log"))
    yield "Ctrl-C ends it."


def _only_other_names(stack: Stack) -> str:
    """Return the names that the site answers to where the printed address is not among them, else nothing."""
    names = stack.env.get("DJANGO_ALLOWED_HOSTS", "")
    host = urlsplit(stack.base_url).hostname or ""
    allowed = {name.strip().strip("[]") for name in names.split(",")}
    return "" if allowed & {host, "*", ""} else names


def _summary_entry(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        head = f"{label}:" if label and not number else ""
        yield f"{head:{_LABEL_WIDTH}}{line}"


def _shown(path: Path) -> str:
    """Return a path as one would type it here."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100  # resolve() would follow a link of .venv
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
