"""Addresses of the database and the broker, from one URL each or from host, port, user and password.

User and password are percent-encoded in the URL, so that Django, libpq, redis-py and kombu read the same password.
``screening.runtime`` uses this module, so it does not import Django.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from screening.config.environment import SettingError, read_number, read_secret

# A user or password may contain all characters but those that end that part of a URL; % must begin a code.
_BEFORE_COLON = r"(?:[^:/?#@\[\]%\s]|%[0-9A-Fa-f]{2})*"
_AFTER_COLON = r"(?:[^/?#@\[\]%\s]|%[0-9A-Fa-f]{2})*"
_ADDRESS = re.compile(
    rf"(?P<scheme>[a-z]+)://(?:(?P<user>{_BEFORE_COLON})(?P<password>:{_AFTER_COLON})?@)?"
    r"(?P<server>(?:\[[0-9A-Fa-f:.]+\]|[^:/?#@\[\]\s]*)(?::[0-9]*)?(?:[/?][^#@\s]*)?)"
)
# These variables are not passed on to processes that get the finished URL.
FILES = ("DATABASE_URL_FILE", "REDIS_URL_FILE")


def database_url() -> str:
    """Return the database's URL from ``DATABASE_URL``, else from ``POSTGRES_HOST``; empty if neither is set.

    Raises:
        SettingError: when a setting of it cannot be used.
    """
    if address := read_secret("DATABASE_URL"):
        parts = "POSTGRES_HOST, POSTGRES_USER and POSTGRES_PASSWORD"
        return _checked("DATABASE_URL", address, ("postgres", "postgresql"), parts)
    if not (host := os.environ.get("POSTGRES_HOST", "")):
        return ""
    user = os.environ.get("POSTGRES_USER") or "screening"
    name = os.environ.get("POSTGRES_DB") or "screening"
    server = f"{_host(host)}:{read_number('POSTGRES_PORT', 5432)}/{quote(name, safe='')}"
    return f"postgres://{_credentials(user, read_secret('POSTGRES_PASSWORD'))}{server}"


def redis_url() -> str:
    """Return the broker's URL from ``REDIS_URL``, else from ``REDIS_HOST``; empty if neither is set.

    Raises:
        SettingError: when a setting of it cannot be used.
    """
    if address := read_secret("REDIS_URL"):
        return _checked("REDIS_URL", address, ("redis", "rediss"), "REDIS_HOST and REDIS_PASSWORD")
    if not (host := os.environ.get("REDIS_HOST", "")):
        return ""
    server = f"{_host(host)}:{read_number('REDIS_PORT', 6379)}/{read_number('REDIS_DB', 0)}"
    return f"redis://{_credentials('', read_secret('REDIS_PASSWORD'))}{server}"


def _checked(variable: str, address: str, schemes: Sequence[str], parts: str) -> str:
    """Return the URL with user and password fully encoded. Errors never quote it, since it contains a password."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise SettingError(
            f"{variable} cannot be read as an address. Percent-encode special characters of its user and password "
            f"(/ as %2F, @ as %40, # as %23, % as %25, a space as %20), or set {parts} instead of it."
        )
    if found["scheme"] not in schemes:
        raise SettingError(f"{variable} must begin with {schemes[0]}://")
    user, password = unquote(found["user"] or ""), unquote((found["password"] or "")[1:])
    return f"{found['scheme']}://{_credentials(user, password)}{found['server']}"


def _credentials(user: str, password: str) -> str:
    secret_part = f":{quote(password, safe='')}" if password else ""
    return f"{quote(user, safe='')}{secret_part}@" if user or password else ""


def _host(host: str) -> str:
    """Return a host name, an IPv6 address in brackets, or the encoded folder of a socket."""
    if ":" in host and not host.startswith("["):
        return f"[{host}]"
    return host if host.startswith("[") else quote(host, safe="")
