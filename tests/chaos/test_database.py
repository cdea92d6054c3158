"""PostgreSQL restarts, drops its sessions, freezes, or takes no writes for a while."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg2
import pytest

from tests.chaos.conftest import Round
from tests.chaos.processes import frozen, until
from tests.chaos.system import LEASE, System


@contextmanager
def read_only(system: System) -> Iterator[None]:
    """Every new transaction is read-only, as after a failover to a replica."""
    try:
        set_read_only(system, "on")
        yield
    finally:
        set_read_only(system, "off")


def set_read_only(system: System, value: str) -> None:
    # The administrator's own session is read-only too, but ALTER SYSTEM writes a file, not a table.
    system.admin_sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    system.admin_sql("SELECT pg_reload_conf()")
    until(lambda: system.sql("SHOW default_transaction_read_only") == [(value,)], f"read-only is {value}")


def answers(system: System) -> bool:
    try:
        return system.sql("SELECT 1") == [(1,)]
    except psycopg2.Error:
        return False


def test_cut_connections_and_a_read_only_while_cost_no_film(system: System, chaos: Round) -> None:
    batch = system.submit(chaos.pick(32, 150))
    for _ in range(chaos.pick(3, 20)):
        time.sleep(chaos.rng.uniform(0, 0.3))  # any moment of a transaction
        system.cut_connections()
    with read_only(system):
        time.sleep(chaos.pick(2, 2 * LEASE))  # the length of the outage is the fault
    system.settle()
    assert set(system.states(batch)) == {"done"}


@pytest.mark.full_round
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_database_that_restarts_costs_no_film(system: System, chaos: Round, way: signal.Signals) -> None:
    batch = system.submit(60)
    for _ in range(3):
        time.sleep(chaos.rng.uniform(0, 0.5))  # any moment
        pid = system.pid("postgres")
        psutil.Process(pid).send_signal(way)
        system.await_restart("postgres", pid)
        until(lambda: answers(system), "PostgreSQL answers again")
    system.settle()
    assert system.finished(batch) == 60
    assert set(system.states(batch)) == {"done"}


@pytest.mark.full_round
def test_a_frozen_database_costs_no_film(system: System) -> None:
    batch = system.submit(60)
    until(system.running, "a film is in a worker's hands")
    with frozen(system.processes("postgres")):
        time.sleep(30)  # past every limit of a chunk, and past its lease
    system.settle()
    assert set(system.states(batch)) == {"done"}
