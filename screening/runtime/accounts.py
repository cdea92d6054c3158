"""The unprivileged user that runs PostgreSQL when we are root: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from screening.runtime import codes
from screening.runtime.errors import StartupError

_CANDIDATES = ("postgres", "nobody")

# Asks the kernel as that user, so that access lists and mount options count as well.
_ACCESS_CHECK = """
import os, sys
uid, gid, mode, path = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
os.setgroups([]); os.setgid(gid); os.setuid(uid)
sys.exit(0 if os.access(path, mode) else 1)
"""


@dataclass(frozen=True)
class Account:
    """An existing user of the system."""

    name: str
    uid: int
    gid: int


def database_account() -> Account | None:
    """Return the user to run PostgreSQL as, or None for the present one. Never adds a user.

    Raises StartupError ``no-database-user`` when the system has no usable entry.
    """
    if os.geteuid() != 0:
        _require_passwd_entry()
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise StartupError(codes.NO_DATABASE_USER)


def _require_passwd_entry() -> None:
    uid = os.geteuid()
    try:
        pwd.getpwuid(uid)
    except KeyError as error:
        raise StartupError(codes.USER_WITHOUT_NAME, uid=uid) from error


def can_access(account: Account | None, path: Path, mode: int) -> bool:
    """Tell whether ``account`` has the access ``mode`` (``os.R_OK`` and so on) to ``path``."""
    if account is None:
        return os.access(path, mode)
    arguments = [str(account.uid), str(account.gid), str(mode), str(path)]
    command = [sys.executable, "-I", "-S", "-c", _ACCESS_CHECK, *arguments]
    return subprocess.run(command, check=False, cwd="/", capture_output=True).returncode == 0


def set_owner(account: Account | None, path: Path) -> None:
    """Make ``account`` the owner of ``path``."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
