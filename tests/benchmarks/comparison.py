"""The system beside the naive design, in turn, on films of the same mix."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import median

import psycopg2
import redis
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class, whatever its name

from screening.runtime.child import launch_command
from tests.benchmarks import naive
from tests.benchmarks.films import NO_FILMS, REAL, Film, films
from tests.benchmarks.plan import DEFAULT, PROCESSES, REFERENCE, Plan
from tests.benchmarks.report import NAIVE_DEFAULT, NAIVE_REFERENCE, Row
from tests.benchmarks.system import System

SECTION = "naive design"
GOALS = {DEFAULT: NAIVE_DEFAULT, REFERENCE: NAIVE_REFERENCE}
# Large films take their time in both designs to be decoded; the light mix is of the size public collections have.
KINDS = ("light mix", "mix")
WARM_TRIES = 20
MOST_SECONDS = 1800


def run(system: System, plan: Plan) -> list[Row]:
    """Both models; one row each where TensorFlow is missing."""
    pairs = [(kind, model) for kind in (*KINDS, *([REAL] if plan.real else [])) for model in GOALS]
    if importlib.util.find_spec("tensorflow") is None:
        missing = "skipped: TensorFlow is not installed"
        return [
            Row(SECTION, f"{kind}, {model}", None, "films/s", None, GOALS[model], missing) for kind, model in pairs
        ]
    with _worker(system), closing(psycopg2.connect(system.stack.endpoints.database_url)) as connection:
        connection.autocommit = True
        return [row for kind, model in pairs for row in _pair(system, plan, connection, kind, model)]


def _pair(system: System, plan: Plan, connection: Connection, kind: str, model: str) -> list[Row]:
    sent = films(kind, plan.short)
    if not sent:
        return [Row(SECTION, f"{kind}, {model}", None, "films/s", note=NO_FILMS)]
    sample = sent[: plan.naive]
    system.warm(model, plan.warm)
    _warm(connection, model)
    turns = [(_rate(connection, sample, model), system.screen(sent, model).rate) for _ in range(plan.rounds)]
    ratio = median(fast / slow for slow, fast in turns)
    return [
        Row(
            SECTION,
            f"{kind}, {model}: naive",
            median(slow for slow, _ in turns),
            "films/s",
            note=f"{len(sample)} films",
        ),
        Row(
            SECTION,
            f"{kind}, {model}: end to end",
            median(fast for _, fast in turns),
            "films/s",
            ratio,
            GOALS[model],
            f"times the naive design, {len(sent)} films",
        ),
    ]


def _rate(connection: Connection, sample: Sequence[Film], model: str) -> float:
    """Films per second from the first message to the last row, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_naive")
        cursor.execute("SELECT clock_timestamp()")
        (started,) = cursor.fetchone() or (None,)
        for film in sample:
            naive.screen.apply_async(args=(str(film.path), model))
        _await_rows(connection, len(sample))
        cursor.execute("SELECT extract(epoch FROM max(stored_at) - %s) FROM bench_naive", [started])
        (seconds,) = cursor.fetchone() or (None,)
    return len(sample) / float(seconds)


def _warm(connection: Connection, model: str) -> None:
    """Films until every process has made its network and traced its graph."""
    few = films("mix", 2 * PROCESSES)
    for _ in range(WARM_TRIES):
        _rate(connection, few, model)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT process) FROM bench_naive")
            if cursor.fetchone() == (PROCESSES,):
                return
    raise RuntimeError("one process of the naive worker takes all the films")


def _await_rows(connection: Connection, count: int) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM bench_naive")
            if cursor.fetchone() == (count,):
                return
        time.sleep(0.1)
    raise TimeoutError(f"the naive design did not screen {count} films; see naive.log among the logs")


@contextmanager
def _worker(system: System) -> Iterator[None]:
    """A worker for the naive design, on another database of the system's broker."""
    endpoints = system.stack.endpoints
    broker = f"{endpoints.redis_url.rpartition('/')[0]}/1"
    with closing(redis.Redis.from_url(broker)) as client:
        client.flushdb()  # what an interrupted run left there
    with closing(psycopg2.connect(endpoints.database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(naive.TABLE)
    naive.app.conf.update(broker_url=broker)
    env = {**os.environ, naive.BROKER: broker, naive.DATABASE: endpoints.database_url, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "celery", "-A", "tests.benchmarks.naive", "worker", "--hostname", "naive@%h"]
    command += ["--pool", "prefork", "--concurrency", str(PROCESSES), "--loglevel", "WARNING"]
    log = system.stack.instance / "log" / "naive.log"
    with log.open("wb") as output:
        # Through the launcher, so that it ends with this process, however that ends.
        started = launch_command(command, signal.SIGTERM)
        process = subprocess.Popen(started, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)
