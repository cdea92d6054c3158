"""The running system as the fault tests see it: from outside, through REST, SQL, the broker and process ids."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2
import redis

from screening.models import Film
from screening.runtime import application
from screening.runtime.instance import Instance
from screening.runtime.stack import Stack, remove_instance, running_stack
from screening.runtime.supervisor import RestartPolicy
from tests.chaos.films import films
from tests.chaos.processes import PATIENCE, frozen, tree, until
from xrayscreen import Client, Upload

FINAL = tuple(state.value for state in Film.FINAL_STATES)
# Short, so that what is lost is found while a test waits, and long enough for a child to load its network.
SETTINGS = {"CHUNK_SECONDS": "4", "SWEEP_SECONDS": "2", "CHUNK_FILMS": "16"}
LEASE = 9  # seconds; what screening.config.limits makes of CHUNK_SECONDS

WAITING = """
    SELECT f.id, f.original_name, f.state, f.attempts, f.lease_until - now(), now() - f.published_at, f.code
    FROM screening_xray f JOIN screening_batch b ON b.id = f.batch_id
    WHERE f.state NOT IN %s AND b.submitted_at IS NOT NULL ORDER BY f.created_at LIMIT 40
"""
EXPIRE = """
    WITH moved AS (UPDATE screening_batch SET submitted_at = least(submitted_at, now() - interval '1 hour'))
    UPDATE screening_xray SET published_at = now() - interval '1 hour',
        lease_until = CASE WHEN state = 'running' THEN now() - interval '1 hour' END
    WHERE state IN ('queued', 'running')
"""
BACKENDS = "FROM pg_stat_activity WHERE datname = 'screening' AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class System:
    """One stack and a client of it."""

    stack: Stack
    client: Client

    # --- films

    def send(self, uploads: Sequence[Upload], name: str = "chaos") -> str:
        """Open a batch, send films, submit; returns the batch's id."""
        batch = self.client.create_batch(name)
        self.client.add_all(batch, uploads, lambda _film: None)
        self.client.submit(batch)
        return batch

    def submit(self, count: int) -> str:
        """The same with films that do no harm."""
        return self.send(films(count))

    def states(self, batch: str) -> dict[str, int]:
        """Films of a batch by state, from the rows."""
        rows = self.sql("SELECT state, count(*) FROM screening_xray WHERE batch_id = %s GROUP BY 1", batch)
        return {str(state): int(films) for state, films in rows}

    def finished(self, batch: str) -> int:
        """Films of a batch in a final state."""
        return sum(films for state, films in self.states(batch).items() if state in FINAL)

    def running(self) -> list[str]:
        """Films in a worker's hands."""
        return [str(row[0]) for row in self.sql("SELECT id FROM screening_xray WHERE state = 'running'")]

    def outcome(self, batch: str) -> dict[str, tuple[str, str, int]]:
        """State, code and attempts of a batch's films by name."""
        rows = self.sql("SELECT original_name, state, code, attempts FROM screening_xray WHERE batch_id = %s", batch)
        return {name: (state, code, attempts) for name, state, code, attempts in rows}

    def settle(self, patience: float = PATIENCE) -> None:
        """Wait until every submitted film is final, with nobody's help, then look at every invariant."""
        try:
            until(lambda: not self.waiting(), "every submitted film is final", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._lost()}") from None
        self.check_invariants("--settled")

    def heal(self) -> None:
        """After a test that failed: hand the films it lost to the sweep, so that no other test fails for them."""
        if self.waiting():
            self.sql(EXPIRE)
            until(lambda: not self.waiting(), "what a failed test has lost is swept up")

    def check_invariants(self, *options: str) -> None:
        """``manage.py check_invariants`` in a process of its own, as an operator would."""
        command = [sys.executable, "manage.py", "check_invariants", *options]
        done = subprocess.run(
            command,
            env=dict(self.stack.env),
            cwd=application.PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    def waiting(self) -> list[tuple[Any, ...]]:
        """Submitted films that are not final; the first of them, as many as one wants to read."""
        try:
            return self.sql(WAITING, FINAL)
        except psycopg2.Error:  # the database is what this test broke
            return [("the database does not answer",)]

    def _lost(self) -> str:
        rows = [" | ".join(str(value) for value in row) for row in self.waiting()]
        logs = [f"--- {name}\n{self._log_tail(name)}" for name in ("worker", "beat")]
        return "\n".join(["id | name | state | attempts | lease left | published ago | code", *rows, *logs])

    def _log_tail(self, name: str) -> str:
        return "\n".join((self.stack.instance / "log" / f"{name}.log").read_text().splitlines()[-25:])

    # --- processes

    def pid(self, name: str) -> int:
        """The process id of a part of the stack, by its name in the supervisor."""
        return {entry.spec.name: entry.child.pid for entry in list(self.stack.supervisor._entries)}[name]

    def processes(self, name: str) -> list[psutil.Process]:
        """A part of the stack with its children, the parent first."""
        return tree(self.pid(name))

    def children(self, name: str) -> list[psutil.Process]:
        """The children of a part of the stack."""
        return self.processes(name)[1:]

    def await_restart(self, name: str, dead: int) -> None:
        """Wait until the supervisor has started another process in the place of the dead one."""
        until(lambda: self.pid(name) != dead, f"{name} is started anew")
        if name in {"worker", "beat"}:
            ready = Instance.open(self.stack.instance).ready_file(name)
            until(ready.exists, f"{name} says that it is ready")

    def await_worker(self, name: str = "worker") -> None:
        """Wait until a worker has children to give films to."""
        until(lambda: self.children(name), f"{name} has children")

    @contextmanager
    def second_worker(self) -> Iterator[str]:
        """One worker process more, with one child; yields its name."""
        spec = application.worker(Instance.open(self.stack.instance), {**self.stack.env, "WORKER_PROCESSES": "1"})
        command = ["second@%h" if part == "screening@%h" else part for part in spec.command]
        self.stack.supervisor.start(replace(spec, name="second", command=command))
        try:
            yield "second"
        finally:
            entry = next(one for one in self.stack.supervisor._entries if one.spec.name == "second")
            self.stack.supervisor._discard(entry)

    # --- servers

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask or change the database past the application, over a connection of its own."""
        return _run(self.stack.endpoints.database_url, statement, values)

    def admin_sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The same as the database's administrator."""
        parts = urlsplit(self.stack.endpoints.database_url)
        password = Instance.open(self.stack.instance).secrets().database_admin_password
        return _run(f"postgres://postgres:{password}@{parts.hostname}:{parts.port}/postgres", statement, values)

    def cut_connections(self) -> int:
        """End every session of the database, whatever it is in the middle of; returns how many."""
        return len(self.admin_sql(f"SELECT pg_terminate_backend(pid) {BACKENDS}"))

    def broker(self) -> redis.Redis:
        """A connection to Valkey."""
        return redis.Redis.from_url(self.stack.endpoints.redis_url, socket_timeout=5)

    def lose_messages(self) -> None:
        """Make the broker forget everything."""
        with closing(self.broker()) as broker:
            broker.flushall()

    @contextmanager
    def unconsumed(self) -> Iterator[None]:
        """Freeze the worker, once it has no request at the broker that would still take a message."""
        with frozen(self.processes("worker")), closing(self.broker()) as broker:
            until(lambda: not any("b" in one["flags"] for one in broker.client_list()), "nobody waits for messages")
            yield

    def broker_answers(self) -> bool:
        """Whether the Valkey that the supervisor runs now takes commands."""
        try:
            with closing(self.broker()) as broker:
                return bool(broker.info("server")["process_id"] == self.pid("valkey"))
        except redis.RedisError:
            return False


def _run(url: str, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
        connection.autocommit = True  # no transaction of ours may hold up the system
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def running_system(
    instance: Path, extra_env: Mapping[str, str] | None = None, *, keep: bool = False, shipped: bool = False
) -> Iterator[System]:
    """A stack of its own with short leases, whose supervisor restarts at once what the tests kill.

    ``keep`` leaves the instance, for whoever has a file system mounted in it. ``shipped`` leaves the supervisor's
    pauses and the servers' durability as they are.
    """
    with running_stack(instance, extra_env={**SETTINGS, **(extra_env or {})}, fast=not shipped) as stack:
        if not shipped:
            stack.supervisor._policy = RestartPolicy(window=1.0, back_off=0.2)
        token = json.loads(stack.run_management_command("service_user", "chaos"))["token"]
        yield System(stack, Client(stack.base_url, token))
    if not keep:
        remove_instance(instance)
