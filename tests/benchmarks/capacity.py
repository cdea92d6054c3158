"""What PostgreSQL and Redis bear when the model costs nothing: ``python -m tests.benchmarks.capacity``.

``[--json] [--quick] [--rate N]``. Three parts: workers as fast as they can, messages as fast as they can, and the
statements of 10, 100 and 1,000 worker processes at the rate at which those would come. Docs: ``docs/scaling.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.project import project

if TYPE_CHECKING:
    from tests.benchmarks.capacity_load import Chunk, Load, Outcome

INSTANCE = Path("var/bench-capacity")
POOL = 64  # connections that more workers share, as behind a pool; PostgreSQL's own limit is 100
HEADS = ("", "connections", "offered/s", "done/s", "claims/s", "writes/s", "claim ms p50/p95", "write ms p50/p95",
         "CPU s/1,000", "server CPU", "load CPU")  # fmt: skip

# As many more of the one film there is.
MORE = """
INSERT INTO screening_xray SELECT another.*
FROM screening_xray AS film, generate_series(2, %s) AS number, LATERAL jsonb_populate_record(film, jsonb_build_object(
    'id', gen_random_uuid(), 'sha256', encode(sha256(number::text::bytea), 'hex'),
    'created_at', film.created_at + number * interval '1 microsecond'
)) AS another
"""


@dataclass(frozen=True)
class Plan:
    """How much is measured: seconds of each run, of which the better of ``repeats`` counts."""

    seconds: float = 2.0
    repeats: int = 2
    workers: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    offered: tuple[int, ...] = (10, 100, 1_000)
    films: int = 100_000  # that wait in the table
    most: int = 10_000  # films a second that no run reaches here: what it is given
    messages: int = 8_000


QUICK = Plan(seconds=1.0, repeats=1, workers=(1, 4), offered=(10, 1_000), films=40_000, messages=800)


@dataclass(frozen=True)
class Line:
    """A row of the table. Films, or messages in the broker's part; processor shares are of the whole machine."""

    section: str
    name: str
    connections: int
    offered: float | None
    done: float
    claims: float
    writes: float
    claim_ms: tuple[float, float] | None
    write_ms: tuple[float, float] | None
    server_seconds: float  # of processor, for 1,000 of them
    server_share: float
    load_share: float

    def cells(self) -> tuple[str, ...]:
        """For people."""
        return (
            self.name, f"{self.connections}", _count(self.offered), _count(self.done), _count(self.claims),
            _count(self.writes), _pair(self.claim_ms), _pair(self.write_ms), f"{self.server_seconds:.3f}",
            f"{self.server_share:.0%}", f"{self.load_share:.0%}",
        )  # fmt: skip


class Supply:
    """Waiting films; the table is filled anew when too few are left."""

    def __init__(self, films: int) -> None:
        self._films, self._left = films, list[str]()

    def take(self, films: int) -> list[Chunk]:
        """Ids of this many waiting films, cut into chunks."""
        from django.conf import settings

        films = min(films, self._films)
        if len(self._left) < films:
            self._left = fill(self._films)
        ids, self._left = self._left[:films], self._left[films:]
        return [ids[start : start + settings.CHUNK_FILMS] for start in range(0, films, settings.CHUNK_FILMS)]


def fill(films: int) -> list[str]:
    """Nothing but one submitted batch with this many waiting films; returns their ids, in order."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from screening.models import Batch, Film, ModelVersion

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE screening_xray, screening_batch CASCADE")
        user, model = User.objects.get_or_create(username="bench")[0], ModelVersion.objects.get(is_default=True)
        batch = Batch.objects.create(owner=user, name="bench", model=model, submitted_at=timezone.now())
        Film.objects.create(batch=batch, original_name="film.png", sha256="0", bytes=1, kind="png", state="queued",
                            stored=True, published_at=batch.submitted_at)  # fmt: skip
        cursor.execute(MORE, [films])
        cursor.execute("VACUUM ANALYZE screening_xray")
        cursor.execute("SELECT id::text FROM screening_xray ORDER BY created_at, id")
        return [pk for (pk,) in cursor.fetchall()]


def saturation(plan: Plan, supply: Supply) -> Iterator[Line]:
    """1 to 32 workers, each as fast as it can."""
    for driver, words in (("code", "the worker’s code"), ("sql", "its statements alone")):
        for workers in plan.workers:
            make = partial(_at_once, plan, supply, driver, workers)
            yield best(plan, partial(films, "as fast as they can", f"{workers} by {words}", None, make))


def offered(plan: Plan, supply: Supply, rate: float) -> Iterator[Line]:
    """So many worker processes at their own pace, whether the database keeps up or not."""
    for workers in plan.offered:
        make = partial(_paced, plan, supply, workers, rate)
        name = f"{workers:,} workers of {rate:g} films/s"
        yield best(plan, partial(films, "at their own pace", name, workers * rate, make))


def _at_once(plan: Plan, supply: Supply, driver: str, workers: int) -> list[Load]:
    from tests.benchmarks import capacity_load as load

    chunks = supply.take(int(plan.most * plan.seconds))
    shares = [chunks[number::workers] for number in range(workers)]
    return [load.Load(driver, share, load.at_once(share), False, plan.seconds) for share in shares]


def _paced(plan: Plan, supply: Supply, workers: int, rate: float) -> list[Load]:
    from django.conf import settings

    from tests.benchmarks import capacity_load as load

    period = settings.CHUNK_FILMS / rate
    seconds = max(plan.seconds, 4 * period)
    each = int(seconds / period) + 1
    chunks = supply.take(min(workers * each * settings.CHUNK_FILMS, plan.films))
    each = max(1, min(each, len(chunks) // workers))
    rng = random.Random(0)
    loads = []
    for number in range(min(workers, POOL)):
        mine: list[Chunk] = []
        events = []
        for worker in range(number, workers, POOL):
            events += load.paced(len(mine), each, period, rng.random() * period)
            mine += chunks[worker * each : (worker + 1) * each]
        events.sort(key=lambda event: (event.due, event.chunk, event.part))
        loads.append(load.Load("sql", mine, events, True, min(seconds, each * period), period))
    return loads


def films(section: str, name: str, offered: float | None, make: Callable[[], list[Load]]) -> Line:
    """One run against the database."""
    from tests.benchmarks import capacity_load as load

    loads = make()
    outcomes, servers = load.run(loads)
    seconds = max(outcome.seconds for outcome in outcomes)
    claims = [took for outcome in outcomes for took in outcome.claims]
    writes = [took for outcome in outcomes for took in outcome.writes]
    done = sum(outcome.counted for outcome in outcomes)
    cost = servers["postgres"] / sum(outcome.films for outcome in outcomes) * 1000
    return Line(
        section, name, len(loads), offered, done / seconds, len(claims) / seconds, len(writes) / seconds,
        _quantiles(claims), _quantiles(writes), cost,
        *_shares(servers["postgres"], outcomes, seconds),
    )  # fmt: skip


def broker(plan: Plan) -> Iterator[Line]:
    """Messages put into the broker and taken out of it, as fast as it goes."""
    from tests.benchmarks import capacity_load as load

    for processes in (1, 4):
        for verb, job in (("publish", load.publish), ("take and acknowledge", load.take)):
            # Not the better of two: what one run publishes the next one takes.
            outcomes, servers = job(processes, plan.messages)
            seconds = max(outcome.seconds for outcome in outcomes)
            cost = servers["valkey"] / plan.messages * 1000
            rates = (plan.messages / seconds, 0, 0, None, None, cost, *_shares(servers["valkey"], outcomes, seconds))
            yield Line("messages", f"{processes} {verb}", processes, None, *rates)


def sweep_seconds(supply: Supply) -> float:
    """One sweep with all the films waiting, of which none is due."""
    from django.db.models.functions import Now

    from screening.models import Film
    from screening.worker.sweep import sweep_films

    supply.take(1)
    Film.objects.filter(state="queued").update(published_at=Now())
    started = time.perf_counter()
    sweep_films()
    return time.perf_counter() - started


def best(plan: Plan, job: Callable[[], Line]) -> Line:
    """The run with the most done; this machine may have other things to do."""
    line = max((job() for _ in range(plan.repeats)), key=lambda line: line.done)
    print(line.name, f"{line.done:,.0f}/s", file=sys.stderr, flush=True)
    return line


def table(lines: Sequence[Line]) -> str:
    """All lines under each other, a heading where a section begins."""
    widths = [max(map(len, column)) for column in zip(HEADS, *(line.cells() for line in lines), strict=True)]
    printed = [_printed(HEADS, widths)]
    for section, group in groupby(lines, key=lambda line: line.section):
        printed += ["", f"[{section}]", *(_printed(line.cells(), widths) for line in group)]
    return "\n".join(printed)


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--quick", action="store_true", help="a look whether it works; its figures mean little")
    options.add_argument("--rate", type=float, default=40.0, help="films a second of one worker process")
    given = options.parse_args()
    plan = QUICK if given.quick else Plan()
    with project(INSTANCE, durable=True):
        supply = Supply(plan.films)
        sweep = sweep_seconds(supply)
        lines = [*saturation(plan, supply), *broker(plan), *offered(plan, supply, given.rate)]
    body = {"cores": os.cpu_count(), "quick": given.quick, "rate": given.rate, "sweep_seconds": sweep}
    last = f"A sweep with {plan.films:,} films waiting: {sweep * 1000:.0f} ms. Cores: {os.cpu_count()}."
    people = f"{table(lines)}\n\n{last}"
    print(json.dumps({**body, "lines": [asdict(line) for line in lines]}, indent=1) if given.json else people)


def _shares(server: float, outcomes: Sequence[Outcome], seconds: float) -> tuple[float, float]:
    whole = (seconds + outcomes[0].warm) * (os.cpu_count() or 1)
    return server / whole, sum(outcome.processor for outcome in outcomes) / whole


def _quantiles(values: Sequence[float]) -> tuple[float, float] | None:
    return (statistics.median(values), statistics.quantiles(values, n=20)[-1]) if len(values) > 1 else None


def _count(value: float | None) -> str:
    return f"{value:,.0f}" if value else "–"


def _pair(pair: tuple[float, float] | None) -> str:
    return f"{pair[0]:,.1f} / {pair[1]:,.1f}" if pair else "–"


def _printed(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join((first.strip().ljust(widths[0]), *others)).rstrip()


if __name__ == "__main__":
    main()
