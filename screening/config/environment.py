"""Where the settings come from: the environment first, the embedded servers of ``make run`` second."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


def flag(name: str, default: bool = False) -> bool:
    """An on/off setting."""
    text = os.environ.get(name)
    return default if text is None else text.strip().lower() in TRUE_WORDS


def number(name: str, default: int) -> int:
    """A whole-number setting.

    Raises:
        ValueError: when it is no whole number.
    """
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError as error:
        raise ValueError(f"{name}={text!r} must be a whole number") from error


def share(name: str, default: float) -> float:
    """A setting between 0 and 1.

    Raises:
        ValueError: when it is not.
    """
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={text!r} must be a number from 0 to 1")
    return value


def words(name: str, default: str) -> list[str]:
    """A comma-separated setting."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def instance_dir() -> Path:
    """The folder that holds this instance's data."""
    return Path(os.environ.get("SCREENING_DATA_DIR") or BASE_DIR / "var" / "run").resolve()


def endpoint(variable: str, key: str, absent: str) -> str:
    """A server's address: the environment's, else that of the embedded server now running, else ``absent``.

    Commands that need no server (``check``, ``makemigrations``) work with the last one; all others fail to
    connect, which is the truth.
    """
    if address := os.environ.get(variable):
        return address
    try:
        known = json.loads((instance_dir() / "endpoints.json").read_text())
    except (OSError, ValueError):
        return absent
    return str(known.get(key, absent))


def secret_key() -> str:
    """Django's key: the environment's, else the instance's own, else one for this process alone."""
    if key := os.environ.get("DJANGO_SECRET_KEY"):
        return key
    try:
        return str(json.loads((instance_dir() / "secrets.json").read_text())["django_secret_key"])
    except (OSError, ValueError, KeyError):
        return secrets.token_urlsafe(50)
