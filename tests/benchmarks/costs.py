"""Where the time of a film goes: the database, each part of the system, and what is neither decoding nor network."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from tests.benchmarks.films import films
from tests.benchmarks.limit import limit
from tests.benchmarks.plan import DEFAULT, PROCESSES, Plan
from tests.benchmarks.processes import PARTS
from tests.benchmarks.report import Row
from tests.benchmarks.system import System

SECTION = "cost of a film"
# A session hands its counts in at the end of a transaction, at most once a second, and the rest ten seconds later.
SETTLE_SECONDS = 10.5
QUESTION = """SELECT active_time, idle_in_transaction_time, xact_commit,
    (SELECT wal_bytes FROM pg_stat_wal) FROM pg_stat_database WHERE datname = current_database()"""


@dataclass(frozen=True)
class Database:
    """PostgreSQL's own counts so far: milliseconds in statements and idle in transactions, commits, bytes of log."""

    active: float
    waiting: float
    commits: int
    log: int


def run(system: System, plan: Plan) -> list[Row]:
    """One batch of the mix between two bare loops."""
    sent = films("mix", plan.films)
    system.warm(DEFAULT, plan.warm)
    first = limit(sent, DEFAULT)
    batch = system.upload(sent, DEFAULT)
    before = _database(system)
    done = system.process(batch, len(sent))
    after = _database(system)
    second = limit(sent, DEFAULT)
    bare = PROCESSES * 1000 * (1 / first.rate + 1 / second.rate) / 2
    busy = PROCESSES * 1000 / done.rate
    count = len(sent)
    return [
        _row("worker process, wall", busy, note=f"{PROCESSES} processes, mix, {count} films"),
        _row("the bare loop's, wall", bare),
        _row(
            "overhead, wall",
            busy - bare,
            ratio=busy / bare - 1,
            note="of the bare loop; pictures for people included",
        ),
        _row("processor: bare loop", 500 * (first.processor + second.processor)),
        *(_row(f"processor: {part}", 1000 * done.processor.get(part, 0.0) / count) for part in PARTS),
        _row("database: in statements", (after.active - before.active) / count),
        _row("database: idle in a transaction", (after.waiting - before.waiting) / count),
        Row(SECTION, "database: commits", (after.commits - before.commits) / count, "a film"),
        Row(SECTION, "database: write-ahead log", (after.log - before.log) / count / 1024, "kB a film"),
    ]


def _database(system: System) -> Database:
    time.sleep(SETTLE_SECONDS)
    with closing(psycopg2.connect(system.stack.endpoints.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(QUESTION)
        active, waiting, commits, log = cursor.fetchone() or (0, 0, 0, 0)
    return Database(float(active), float(waiting), int(commits), int(log))


def _row(name: str, value: float, ratio: float | None = None, note: str = "") -> Row:
    return Row(SECTION, name, value, "ms", ratio, note=note)
