"""The addresses of the database and the broker: one URL each, or made from host, port, user and password.

Whatever a password holds, the URL that leaves here is percent-encoded, so that Django, libpq, redis-py and kombu
all read the same password from it. ``screening.runtime`` uses this too, so nothing here needs Django.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from screening.config.environment import SettingError, number, secret

# A user or password may hold anything but what ends that part of a URL; a literal % is an unfinished code.
_BEFORE_COLON = r"(?:[^:/?#@\[\]%\s]|%[0-9A-Fa-f]{2})*"
_AFTER_COLON = r"(?:[^/?#@\[\]%\s]|%[0-9A-Fa-f]{2})*"
_ADDRESS = re.compile(
    rf"(?P<scheme>[a-z]+)://(?:(?P<user>{_BEFORE_COLON})(?P<password>:{_AFTER_COLON})?@)?"
    r"(?P<server>(?:\[[0-9A-Fa-f:.]+\]|[^:/?#@\[\]\s]*)(?::[0-9]*)?(?:[/?][^#@\s]*)?)"
)
# Where it can be set; none of these is passed on to processes that get the finished URL.
FILES = ("DATABASE_URL_FILE", "REDIS_URL_FILE")


def database_url() -> str:
    """Return the database that the environment names, by ``DATABASE_URL`` or else by ``POSTGRES_HOST``; or nothing.

    Raises:
        SettingError: when a setting of it cannot be used.
    """
    if address := secret("DATABASE_URL"):
        parts = "POSTGRES_HOST, POSTGRES_USER and POSTGRES_PASSWORD"
        return _checked("DATABASE_URL", address, ("postgres", "postgresql"), parts)
    if not (host := os.environ.get("POSTGRES_HOST", "")):
        return ""
    user = os.environ.get("POSTGRES_USER") or "screening"
    name = os.environ.get("POSTGRES_DB") or "screening"
    server = f"{_host(host)}:{number('POSTGRES_PORT', 5432)}/{quote(name, safe='')}"
    return f"postgres://{_credentials(user, secret('POSTGRES_PASSWORD'))}{server}"


def redis_url() -> str:
    """Return the broker that the environment names, by ``REDIS_URL`` or else by ``REDIS_HOST``; or nothing.

    Raises:
        SettingError: when a setting of it cannot be used.
    """
    if address := secret("REDIS_URL"):
        return _checked("REDIS_URL", address, ("redis", "rediss"), "REDIS_HOST and REDIS_PASSWORD")
    if not (host := os.environ.get("REDIS_HOST", "")):
        return ""
    server = f"{_host(host)}:{number('REDIS_PORT', 6379)}/{number('REDIS_DB', 0)}"
    return f"redis://{_credentials('', secret('REDIS_PASSWORD'))}{server}"


def _checked(variable: str, address: str, schemes: Sequence[str], parts: str) -> str:
    """Return the address with user and password encoded in full; never quote it, it holds a password."""
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
