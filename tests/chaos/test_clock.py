"""Clocks that jump by an hour, the application's and the database's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.films import films
from tests.chaos.processes import kill, until
from tests.chaos.system import System

HOUR = 3600
pytestmark = pytest.mark.full_round

SHIFT = """
    WITH moved AS (UPDATE screening_batch SET submitted_at = submitted_at + %s * interval '1 second')
    UPDATE screening_xray SET lease_until = lease_until + %s * interval '1 second',
        published_at = published_at + %s * interval '1 second' WHERE state IN ('queued', 'running')
"""


@pytest.fixture
def clock(injected: System) -> Iterator[Path]:
    """The file that sets the Python clock of every process; put right again afterwards."""
    path = Path(injected.stack.env["CHAOS_CLOCK"])
    yield path
    path.unlink(missing_ok=True)
    # A beat that remembers a run in the future is silent until then, even when it is started anew.
    for name in ("worker", "beat"):
        pid = injected.pid(name)
        kill(injected.processes(name)[:1])
        for schedule in injected.stack.instance.glob("beat-schedule*"):
            schedule.unlink()
        injected.await_restart(name, pid)


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
def test_a_jump_of_the_applications_clock_costs_no_film(injected: System, clock: Path, jump: int) -> None:
    batch = injected.send(films(24, "slow=0.1"))
    until(injected.running, "a film is in a worker's hands")
    clock.write_text(str(jump))
    injected.settle()
    assert set(injected.states(batch)) == {"done"}


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
def test_films_are_still_swept_after_a_jump_of_the_applications_clock(
    injected: System, clock: Path, jump: int
) -> None:
    await_sweep(injected)  # so that beat remembers one
    clock.write_text(str(jump))
    with injected.unconsumed():
        batch = injected.submit(24)
        injected.lose_messages()  # now only a sweep can bring these films back
    injected.settle()
    assert set(injected.states(batch)) == {"done"}


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["back", "ahead"])
def test_a_jump_of_the_databases_clock_costs_no_film(injected: System, jump: int) -> None:
    """A clock set back makes every stored time lie in the future, and the other way round."""
    batch = injected.send(films(24, "slow=0.1"))
    until(injected.running, "a film is in a worker's hands")
    injected.sql(SHIFT, jump, jump, jump)
    injected.settle()
    assert set(injected.states(batch)) == {"done"}


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["back", "ahead"])
def test_films_lost_under_a_database_clock_that_jumped_are_found(injected: System, jump: int) -> None:
    held = injected.send(films(24, "slow=0.1"))
    until(injected.running, "a film is in a worker's hands")
    with injected.unconsumed():
        waiting = injected.submit(24)
        injected.lose_messages()
        injected.sql(SHIFT, jump, jump, jump)
        kill(injected.processes("worker"))
    injected.settle()
    assert set(injected.states(held)) == set(injected.states(waiting)) == {"done"}


def await_sweep(system: System) -> None:
    """Wait until beat has asked for another sweep."""
    log = system.stack.instance / "log" / "beat.log"
    before = log.read_text().count("Sending due task sweep")
    until(lambda: log.read_text().count("Sending due task sweep") > before, "beat asks for a sweep")
