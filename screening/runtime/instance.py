"""The directory of one instance: its lock, its secrets and other small files."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from screening.runtime import codes
from screening.runtime.errors import StartupError

_SECRET_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """The generated passwords and keys of one instance."""

    database_admin_password: str
    database_password: str
    redis_password: str
    django_secret_key: str


@dataclass(frozen=True)
class Instance:
    """Paths inside one instance directory (``root`` is absolute)."""

    root: Path

    @classmethod
    def open(cls, path: Path) -> Instance:
        """Create the directory when it is missing.

        Raises StartupError ``instance-unwritable``.
        """
        root = path.absolute()
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            if not root.exists():
                root.mkdir()
                # If we are root, PostgreSQL's own user needs access to folders inside; it cannot list this one.
                root.chmod(0o711 if os.geteuid() == 0 else 0o700)
            (root / "log").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartupError(codes.INSTANCE_UNWRITABLE, root=root, error=error.strerror) from error
        return cls(root.resolve())

    @property
    def log_dir(self) -> Path:
        """Folder of the log files, one for each process."""
        return self.root / "log"

    @property
    def endpoints_file(self) -> Path:
        """Addresses of the running servers; exists only while they run."""
        return self.root / "endpoints.json"

    def ready_file(self, name: str) -> Path:
        """Return the file that the process ``name`` creates when it is ready."""
        return self.root / f"{name}.ready"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the instance for this process.

        Raises StartupError ``instance-running``.
        """
        with (self.root / "lock").open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                handle.seek(0)
                raise self._running(handle.read().strip()) from error
            handle.truncate(0)
            handle.write(f"{os.getpid()}\n")
            handle.flush()
            # The file stays: removing it would let two processes hold "the" lock on two files.
            yield

    def _running(self, pid: str) -> StartupError:
        if pid.isdigit():
            return StartupError(codes.INSTANCE_RUNNING, root=self.root, pid=pid)
        return StartupError(codes.INSTANCE_HELD, root=self.root)

    def identity(self) -> str:
        """Return an identifier that changes when the directory is deleted and made again."""
        path = self.root / "instance-id"
        if not path.exists():
            write_private(path, secrets.token_hex(16))
        return path.read_text(encoding="utf-8").strip()

    def secrets(self) -> Secrets:
        """Return the secrets, making those that are missing. Call this while holding the lock."""
        path = self.root / "secrets.json"
        known = read_json(path)
        wanted = list(Secrets.__annotations__)
        values = {name: known.get(name) or secrets.token_urlsafe(_SECRET_BYTES) for name in wanted}
        if values != known:
            write_private(path, json.dumps(values, indent=2) + "\n")
        path.chmod(0o600)
        return Secrets(**values)

    def last_port(self, name: str) -> int | None:
        """Return the port that the server ``name`` had last time."""
        value = read_json(self.root / "ports.json").get(name, "")
        return int(value) if value.isdigit() else None

    def remember_port(self, name: str, port: int) -> None:
        """Keep ``port`` as the first choice of the next start."""
        path = self.root / "ports.json"
        write_private(path, json.dumps({**read_json(path), name: str(port)}) + "\n")

    def write_endpoints(self, values: Mapping[str, str]) -> None:
        """Write the addresses of the servers for other programs of this user."""
        write_private(self.endpoints_file, json.dumps(dict(values), indent=2) + "\n")


def read_json(path: Path) -> dict[str, str]:
    """Return the text values of a JSON object; a missing or damaged file has none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, str)}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:  # mkstemp sets mode 0600
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
