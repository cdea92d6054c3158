"""Worker processes that die, freeze, or are replaced while they have films in hand."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil
import pytest

from tests.chaos.conftest import Round
from tests.chaos.films import films
from tests.chaos.processes import frozen, kill, until
from tests.chaos.system import System


def test_killed_workers_and_children_cost_no_film(system: System, chaos: Round) -> None:
    with system.unconsumed():  # or a small batch is done before the first kill
        batch = system.submit(chaos.pick(40, 300))
    kills = 0
    while kills < chaos.pick(4, 20) and until(lambda: system.running() or not system.waiting(), "a worker has films"):
        time.sleep(chaos.rng.uniform(0, 0.1))  # any moment of a chunk
        parent, *children = system.processes("worker")
        if not system.waiting():
            break
        if not children or not system.running():
            continue
        kills += 1
        if chaos.rng.random() < 0.3:
            kill([parent])
            system.await_restart("worker", parent.pid)
        else:
            kill([chaos.rng.choice(children)])
    print(f"{kills} kills")
    system.settle()
    assert any(attempts > 1 for _, _, attempts in system.outcome(batch).values()), "no kill hit a film"
    for name, (state, code, attempts) in system.outcome(batch).items():
        # Three kills may hit the same film; then, and only then, it may end without a score.
        assert state == "done" or (state, code, attempts) == ("failed", "worker_lost", 3), name


@pytest.mark.full_round
def test_a_frozen_child_is_replaced_and_writes_nothing_late(injected: System) -> None:
    batch = injected.send(films(48, "slow=0.1"))
    until(injected.running, "a film is in a worker's hands")
    (child, *_) = injected.children("worker")
    with frozen([child]):
        # The parent kills a child over its hard limit, frozen or not, before the lease ends.
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the frozen child is killed")
        injected.settle()
    assert set(injected.states(batch)) == {"done"}


@pytest.mark.full_round
def test_a_worker_frozen_past_its_lease_writes_nothing_when_it_is_back(injected: System) -> None:
    batch = injected.send(films(48, "slow=0.1"))
    until(injected.running, "a film is in a worker's hands")
    log = injected.stack.instance / "log" / "worker.log"
    with injected.second_worker():
        with frozen(injected.processes("worker")):
            held = set(injected.running())
            assert held, "the worker finished before it was frozen"
            injected.settle()
            rows, length = snapshot(injected, batch), log.stat().st_size
            attempts = injected.sql("SELECT id::text, attempts FROM screening_xray WHERE batch_id = %s", batch)
            # What was on its way to the database when the worker froze may still have been written.
            assert held & {film for film, attempt in attempts if attempt > 1}
        until(lambda: log.stat().st_size > length, "the worker is back at work")
        # A batch that the worker finishes after its return: by then it has done with what it held.
        again = injected.submit(8)
        injected.settle()
    assert snapshot(injected, batch) == rows
    assert set(injected.states(again)) == {"done"}


@pytest.mark.full_round
def test_a_deploy_under_load_leaves_no_film_in_nobodys_hands(injected: System) -> None:
    batch = injected.send(films(96, "slow=0.1"))
    for _ in range(2):
        until(injected.running, "a film is in a worker's hands")
        old = injected.pid("worker")
        psutil.Process(old).send_signal(signal.SIGTERM)
        until(lambda old=old: not alive(old), "the old worker has ended")  # type: ignore[misc]
        # Between the two workers nobody works; whatever is held now waits for the end of its lease.
        abandoned = injected.running() if injected.pid("worker") == old or not injected.children("worker") else []
        assert not abandoned, f"{len(abandoned)} films were left to their lease"
        injected.await_restart("worker", old)
    injected.settle()
    assert set(injected.outcome(batch).values()) <= {("done", "", 1), ("done", "", 2)}


def snapshot(system: System, batch: str) -> list[tuple[Any, ...]]:
    """All that a late write could change."""
    return system.sql(
        "SELECT f.id::text, f.state, f.score, f.attempts, f.finished_at, f.lease_until, p.score, p.created_at"
        " FROM screening_xray f LEFT JOIN screening_prediction p ON p.film_id = f.id"
        " WHERE f.batch_id = %s ORDER BY f.id",
        batch,
    )


def alive(pid: int) -> bool:
    """Whether a process still runs; one that waits to be collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
