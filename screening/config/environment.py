"""Settings from the environment, or from the files of the embedded servers of ``make run``."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


class SettingError(ValueError):
    """An invalid setting. The text names the setting and says what to do; it contains no secret."""


@contextmanager
def setting_errors_explained(status: int = 2) -> Iterator[None]:
    """Exit with one sentence instead of a traceback if a setting is invalid."""
    try:
        yield
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(status) from None


def read_flag(name: str, default: bool = False) -> bool:
    """Return an on/off setting."""
    text = os.environ.get(name, "").strip().lower()
    return text in TRUE_WORDS if text else default


def read_number(name: str, default: int, least: int | None = None) -> int:
    """Return a whole-number setting.

    Raises:
        SettingError: it is not a whole number, or below ``least``.
    """
    text = os.environ.get(name, "")
    try:
        value = int(text) if text else default
    except ValueError as error:
        raise SettingError(f"{name}={text!r} must be a whole number") from error
    if least is not None and value < least:
        raise SettingError(f"{name}={value} must be at least {least}")
    return value


def read_share(name: str, default: float) -> float:
    """Return a setting from 0 to 1.

    Raises:
        SettingError: it is not a number from 0 to 1.
    """
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise SettingError(f"{name}={text!r} must be a number from 0 to 1")
    return value


def read_list(name: str, default: str) -> list[str]:
    """Return the items of a comma-separated setting."""
    return [word.strip() for word in (os.environ.get(name) or default).split(",") if word.strip()]


def read_secret(name: str) -> str:
    """Return the secret ``name``: the variable's value, or the text of the file that ``NAME_FILE`` names.

    One newline at the file's end is removed. The result is empty if neither variable is set.

    Raises:
        SettingError: both are set, or the file cannot be read or is empty.
    """
    value, file = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and file:
        raise SettingError(f"{name} and {name}_FILE are both set; keep one of them")
    return _read_secret_file(f"{name}_FILE", file) if file else value


def _read_secret_file(variable: str, file: str) -> str:
    try:
        text = Path(file).read_bytes().decode()
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no UTF-8 text"
        raise SettingError(f"{variable}={file!r} cannot be read: {reason}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SettingError(f"{variable}={file!r} names an empty file")
    return text


def instance_dir() -> Path:
    """Return the folder with this instance's data."""
    return Path(os.environ.get("SCREENING_DATA_DIR") or BASE_DIR / "var" / "run").resolve()


def find_endpoint(chosen: str, key: str, absent: str) -> str:
    """Return a server's address: the chosen one, else that of the running embedded server, else ``absent``.

    Commands that need no server (``check``, ``makemigrations``) work with ``absent``; all others fail to connect.
    """
    if chosen:
        return chosen
    try:
        known = json.loads((instance_dir() / "endpoints.json").read_text())
    except (OSError, ValueError):
        return absent
    return str(known.get(key, absent))


def read_secret_key() -> str:
    """Return Django's key: from the environment, else from the instance, else a new one for this process."""
    if key := read_secret("DJANGO_SECRET_KEY"):
        return key
    try:
        return str(json.loads((instance_dir() / "secrets.json").read_text())["django_secret_key"])
    except (OSError, ValueError, KeyError):
        return secrets.token_urlsafe(50)
