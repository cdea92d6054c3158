"""Worker processes that die while they unpack an archive."""

from __future__ import annotations

from collections import Counter

from tests.chaos.conftest import Round
from tests.chaos.films import films
from tests.chaos.processes import kill, until
from tests.chaos.system import System
from tests.screening.zips import zip_of
from xrayscreen import Upload

MEMBERS = """
    SELECT film.original_name, film.state, film.code, film.attempts
    FROM screening_xray film JOIN screening_xray archive ON archive.id = film.archive_id
    WHERE film.batch_id = %s
"""


def test_killed_workers_cost_no_file_of_an_archive_and_bring_none_twice(system: System, chaos: Round) -> None:
    inside = {f"ward/{one.name}": one.data() for one in films(chaos.pick(60, 600))}
    nested = {"ward/inner.zip": zip_of({one.name: one.data() for one in films(20, first=1_000)})}
    with system.unconsumed():  # or it is unpacked before the first kill
        batch = system.send([Upload("study.zip", zip_of({**inside, **nested, "notes.txt": b"no film"}))])
    everything, known, kills = len(inside) + 20 + 1, 0, 0
    while kills < chaos.pick(3, 12) and known < everything:
        until(lambda known=known: len(system.sql(MEMBERS, batch)) > known, "a file is added")  # type: ignore[misc]
        kill(system.children("worker"))
        known = len(system.sql(MEMBERS, batch))
        kills += 1
    print(f"{kills} kills")
    system.settle()
    assert kills > 1
    found = system.sql(MEMBERS, batch)
    assert Counter(name for name, *_ in found).most_common(1)[0][1] == 1
    assert len(found) == everything
    for name, state, code, attempts in found:
        expected = ("rejected", "unsupported_kind") if name.endswith(".txt") else ("done", "")
        # Three kills may hit the same film; then, and only then, it may end without a score.
        assert (state, code) == expected or (code, attempts) == ("worker_lost", 3), name
    assert system.outcome(batch)["study.zip"][:2] == ("unpacked", "unpacked")
    (reason,) = system.sql("SELECT reason FROM screening_xray WHERE batch_id = %s AND kind = 'zip'", batch)[0]
    assert reason == f"Unpacked: {everything} files, {everything - 1} taken, 1 refused."
