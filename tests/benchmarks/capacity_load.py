"""The simulated load: processes that claim and record as the worker does, with a model that does nothing.

Each is one connection. It is driven by the project's own code (``code``) or by the same statements on bare cursors
with everything prepared beforehand (``sql``), so that the database and not this file is what is measured.
"""
# ruff: noqa: E402  # Django wants its settings before its models are imported

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from typing import Any, Protocol
from uuid import UUID

import django

from tests.benchmarks import processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")
django.setup()

from django.conf import settings
from django.db import connection
from kombu import Consumer

from screening.config.celery import BULK, app
from screening.config.limits import time_limits
from screening.models import Batch, Film
from screening.publishing import SCREEN_TASK
from screening.worker import leases, statements
from screening.worker.chunk import NETWORK_FILMS
from screening.worker.inference import Pictures, Screened

CLAIM = -1  # an event's part; any other is the number of a group of films that is written
GROUPS = -(-settings.CHUNK_FILMS // NETWORK_FILMS)
RESULT = Screened(0.01, "negative", 0.02, Pictures(b"", b""))
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])

Chunk = list[str]  # ids of films


@dataclass(frozen=True)
class Event:
    """When, seconds from the start, which chunk, and what is done with it."""

    due: float
    chunk: int
    part: int


@dataclass(frozen=True)
class Load:
    """What one connection does: all its events by their time, or one after another as fast as it can.

    Attributes:
        warm: seconds at the start, of the ``seconds`` in all, that are not counted.
    """

    driver: str
    chunks: Sequence[Chunk]
    events: Sequence[Event]
    paced: bool
    seconds: float
    warm: float = 0.0


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        films: written, or messages, in all.
        counted: those of them that count.
        claims: milliseconds of every claim that counts; ``writes`` the same.
        seconds: in which that was done; ``warm`` are those before.
        processor: seconds of it, in all.
    """

    films: int
    counted: int
    claims: list[float]
    writes: list[float]
    seconds: float
    processor: float
    warm: float = 0.0


class Driver(Protocol):
    """How the statements reach the database."""

    def claim(self, chunk: int) -> None: ...

    def record(self, chunk: int, part: int) -> int: ...


class Code:
    """By the functions that the worker calls."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._ids = [[UUID(pk) for pk in chunk] for chunk in chunks]
        self._held: dict[int, list[Film]] = {}
        connection.ensure_connection()

    def claim(self, chunk: int) -> None:
        self._held[chunk] = leases.claim_films(self._ids[chunk])

    def record(self, chunk: int, part: int) -> int:
        films = self._held[chunk][part * NETWORK_FILMS : (part + 1) * NETWORK_FILMS]
        return leases.record_results([(film, RESULT) for film in films])


class Sql:
    """By the same statements and nothing else: rows are not read, parameters were made beforehand."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        batch = Batch.objects.select_related("model").get(films=UUID(chunks[0][0]))
        found = Batch.objects.select_related("model").only("model__name", "model__digest").filter(pk__in=[batch.pk])
        self._batch = found.query.sql_with_params()
        lease = timedelta(seconds=time_limits(settings.CHUNK_SECONDS).lease)
        self._claims = [{"ids": chunk, "lease": lease, "alone": False} for chunk in chunks]
        self._records = [[self._rows(batch, group) for group in _groups(chunk)] for chunk in chunks]
        self._cursor: Any = connection.connection.cursor()

    def claim(self, chunk: int) -> None:
        self._cursor.execute(statements.CLAIM, self._claims[chunk])
        self._cursor.execute(*self._batch)

    def record(self, chunk: int, part: int) -> int:
        self._cursor.execute(statements.RECORD, self._records[chunk][part])
        return int(self._cursor.fetchone()[0])

    @staticmethod
    def _rows(batch: Batch, group: Chunk) -> dict[str, str]:
        films = [Film(pk=UUID(pk), batch=batch, attempts=1, sha256="f" * 64) for pk in group]
        return {"rows": json.dumps([leases._result_row(film, RESULT) for film in films])}


DRIVERS: dict[str, Callable[[Sequence[Chunk]], Driver]] = {"code": Code, "sql": Sql}


def at_once(chunks: Sequence[Chunk]) -> list[Event]:
    """Chunk after chunk, without a pause."""
    return [Event(0.0, number, part) for number in range(len(chunks)) for part in (CLAIM, *range(GROUPS))]


def paced(first: int, chunks: int, period: float, phase: float) -> list[Event]:
    """One worker that needs ``period`` seconds a chunk: it claims, then writes its groups at equal distances."""
    starts = ((first + number, phase + number * period) for number in range(chunks))
    return [
        Event(start + (part + 1) * period / GROUPS, number, part)
        for number, start in starts
        for part in (CLAIM, *range(GROUPS))
    ]


def run(loads: Sequence[Load]) -> tuple[list[Outcome], dict[str, float]]:
    """Run every load in a process of its own, together; with it, the processor seconds of the servers."""
    return _together(_simulate, [(load,) for load in loads])


def publish(senders: int, messages: int) -> tuple[list[Outcome], dict[str, float]]:
    """Put this many messages into the queue, each sender its share."""
    return _together(_send, [(messages // senders,)] * senders)


def take(takers: int, messages: int) -> tuple[list[Outcome], dict[str, float]]:
    """Take this many messages from the queue one at a time and acknowledge them, each taker its share."""
    return _together(_take, [(messages // takers,)] * takers)


def _together(
    job: Callable[..., None], arguments: Iterable[tuple[Any, ...]]
) -> tuple[list[Outcome], dict[str, float]]:
    rows = list(arguments)
    barrier, results = CONTEXT.Barrier(len(rows) + 1), CONTEXT.SimpleQueue()
    children = [CONTEXT.Process(target=_child, args=(job, barrier, results, *row), daemon=True) for row in rows]
    for child in children:
        child.start()
    barrier.wait(120)  # everyone is connected
    before = processes.processor_seconds()
    barrier.wait(120)
    outcomes = [results.get() for _ in rows]
    if failed := next((outcome for outcome in outcomes if isinstance(outcome, str)), None):
        raise RuntimeError(failed)
    after = processes.processor_seconds()
    barrier.wait(120)  # a connection that ends costs something, too, but not here
    for child in children:
        child.join()
    return outcomes, {name: after[name] - before[name] for name in after}


def _child(job: Callable[..., None], barrier: Any, results: Any, *arguments: Any) -> None:
    try:
        job(barrier, results, *arguments)
    except Exception as error:  # else the others would be waited for in vain
        barrier.abort()
        results.put(f"{type(error).__name__}: {error}")


def _started(barrier: Any) -> tuple[float, float]:
    barrier.wait(120)
    barrier.wait(120)
    return time.perf_counter(), time.process_time()


def _simulate(barrier: Any, results: Any, load: Load) -> None:
    driver = DRIVERS[load.driver](load.chunks)
    outcome = Outcome(0, 0, [], [], 0.0, 0.0, load.warm)
    started, processor = _started(barrier)
    for event in load.events:
        begun = _wait(started + event.due) if load.paced else time.perf_counter()
        if begun - started > load.seconds:
            break
        written = _do(driver, event)
        now = time.perf_counter()
        outcome.films += written
        if now - started >= load.warm:
            outcome.counted += written
            since = started + event.due if load.paced else begun  # what was due and had to wait has waited
            (outcome.claims if event.part == CLAIM else outcome.writes).append((now - since) * 1000)
    outcome.seconds = time.perf_counter() - started - load.warm
    outcome.processor = time.process_time() - processor
    results.put(outcome)
    barrier.wait(120)


def _do(driver: Driver, event: Event) -> int:
    if event.part == CLAIM:
        driver.claim(event.chunk)
        return 0
    return driver.record(event.chunk, event.part)


def _wait(until: float) -> float:
    if (early := until - time.perf_counter()) > 0:
        time.sleep(early)
    return time.perf_counter()


def _send(barrier: Any, results: Any, messages: int) -> None:
    ids = [str(UUID(int=number)) for number in range(settings.CHUNK_FILMS)]
    with app.producer_or_acquire() as producer:
        producer.connection.ensure_connection()
        started, processor = _started(barrier)
        for _ in range(messages):
            app.send_task(SCREEN_TASK, args=(ids,), queue=BULK, producer=producer)
        results.put(_messages(messages, started, processor))
    barrier.wait(120)


def _take(barrier: Any, results: Any, messages: int) -> None:
    taken = itertools.count(1)
    number = 0

    def acknowledge(_: Any, message: Any) -> None:
        nonlocal number
        number = next(taken)
        message.ack()

    with app.connection_for_read() as broker:
        consumer = Consumer(broker.channel(), [app.amqp.queues[BULK]], callbacks=[acknowledge], accept=["json"])
        consumer.qos(prefetch_count=1)
        started, processor = _started(barrier)
        consumer.consume()
        while number < messages:
            broker.drain_events(timeout=20)
        results.put(_messages(messages, started, processor))
        consumer.cancel()
    barrier.wait(120)


def _messages(count: int, started: float, processor: float) -> Outcome:
    return Outcome(count, count, [], [], time.perf_counter() - started, time.process_time() - processor)


def _groups(chunk: Chunk) -> list[Chunk]:
    return [chunk[start : start + NETWORK_FILMS] for start in range(0, len(chunk), NETWORK_FILMS)]
