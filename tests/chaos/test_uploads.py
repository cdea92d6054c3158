"""The web process dies while films arrive."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.conftest import Round
from tests.chaos.films import films
from tests.chaos.processes import kill, until
from tests.chaos.system import System
from xrayscreen import ClientError, Film, Upload

REFUSALS_TO_OUTLAST = {"unreachable", "error"}


def persistent(system: System, batch: str, upload: Upload) -> Film:
    """Send a film as a client does that does not give up before its answer."""

    def attempt() -> Film | None:
        try:
            return system.client.add(batch, upload)
        except ClientError as error:
            if error.code not in REFUSALS_TO_OUTLAST:
                raise
            return None

    film = until(attempt, f"{upload.name} is taken")
    assert film is not None
    return film


def test_a_web_process_killed_during_uploads_loses_and_doubles_nothing(system: System, chaos: Round) -> None:
    uploads = films(chaos.pick(24, 120))
    batch = system.client.create_batch("killed web")
    with ThreadPoolExecutor(4) as pool:
        sent: list[Future[Film]] = [pool.submit(persistent, system, batch, upload) for upload in uploads]
        for kills in range(chaos.pick(2, 8)):
            wanted = chaos.rng.randrange(len(uploads) // 4) + kills
            until(lambda wanted=wanted: sum(one.done() for one in sent) >= wanted, "films arrive")  # type: ignore[misc]
            parent, *children = system.processes("web")
            if kills % 2:  # the other one takes over at once
                kill([chaos.rng.choice(children)] if children else [])
            else:
                kill([parent, *children])
                system.await_restart("web", parent.pid)
        answers = [one.result() for one in sent]
    assert {film["state"] for film in answers} == {"queued"}
    system.client.submit(batch)
    system.settle()
    outcome = system.outcome(batch)
    assert len(system.sql("SELECT 1 FROM screening_xray WHERE batch_id = %s", batch)) == len(uploads)
    assert {name: state for name, (state, _, _) in outcome.items()} == {one.name: "done" for one in uploads}
    # What a killed process had stored before its row existed is no violation yet, and can be removed.
    system.check_invariants("--delete-orphans", "--grace", "0")
    system.check_invariants("--settled", "--grace", "0")
