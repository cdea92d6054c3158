"""Every hostile file ends with a reason, nothing else in its batch suffers, and memory stays bounded."""

from __future__ import annotations

import os
import time
from collections import Counter

import requests

from tests.chaos.films import films
from tests.chaos.system import FINAL, System
from tests.hostile.conftest import WORKER_MEMORY_MB, watched
from tests.hostile.corpus import ARCHIVES, FILMS, NAMES, Hostile, mutations
from tests.hostile.pictures import sound
from xrayscreen import Upload

WEB_MEMORY_MB = 700  # a process of the web server that has just parsed the largest file it takes
MUTATIONS = int(os.environ.get("MUTATIONS", "1000"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
NEIGHBOURS = 12

ROWS = """
    SELECT f.original_name, f.state, f.code, f.reason, f.step, coalesce(a.original_name, '')
    FROM screening_xray f LEFT JOIN screening_xray a ON a.id = f.archive_id WHERE f.batch_id = %s
"""
Row = tuple[str, str, str, str, str, str]


def rows_of(system: System, batch: str) -> list[Row]:
    return [tuple(row) for row in system.sql(ROWS, batch)]


def send_among_neighbours(system: System, uploads: list[Upload]) -> list[Row]:
    """Send the files with sound films before, between and after them; returns the rows once all is over."""
    good = films(NEIGHBOURS)
    step = max(1, len(uploads) // NEIGHBOURS)
    mixed = [
        one
        for number, bad in enumerate(uploads)
        for one in ([good.pop(), bad] if good and number % step == 0 else [bad])
    ]
    with watched(system) as memory:
        batch = system.send([*mixed, *good], "hostile")
        system.settle(patience=300)
    assert memory.most["web"] < WEB_MEMORY_MB << 20, memory
    assert memory.most["worker"] < (WORKER_MEMORY_MB + 400) << 20, memory  # and what is mapped: libraries, weights
    rows = rows_of(system, batch)
    names = {film.name for film in films(NEIGHBOURS)}
    assert Counter(row[1] for row in rows if row[0] in names) == {"done": NEIGHBOURS}
    for name, state, code, reason, step_, _ in rows:
        assert state in FINAL, name
        assert state == "done" or (code and reason and step_), (name, state, code, reason, step_)
    return [row for row in rows if row[0] not in names]


def upload_of(case: Hostile) -> Upload:
    return Upload(case.name, case.make())


def test_films_that_mean_harm_end_with_a_reason(system: System) -> None:
    rows = {row[0]: row for row in send_among_neighbours(system, [upload_of(case) for case in FILMS])}
    assert len(rows) == len(FILMS)
    wrong = {case.name: rows[case.name][1:4] for case in FILMS if rows[case.name][2] not in case.codes}
    assert wrong == {}


def test_archives_that_mean_harm_end_with_a_reason(system: System) -> None:
    rows = send_among_neighbours(system, [upload_of(case) for case in ARCHIVES])
    by_name = {row[0]: row for row in rows if not row[5]}
    wrong = {case.name: by_name[case.name][1:4] for case in ARCHIVES if by_name[case.name][2] not in case.codes}
    assert wrong == {}
    for case in ARCHIVES:
        members = {row[0]: row[2] for row in rows if row[5] == case.name}
        assert {name: code for name, code in members.items() if code not in case.members} == {}, case.name
        assert bool(members) == (case.codes == {"unpacked"}), case.name
    slipped = [row[0] for row in rows if row[5] == "slip.zip"]
    assert not any(name.startswith(("/", "..")) or "/../" in name for name in slipped)


def test_names_that_mean_harm_are_only_ever_shown(system: System) -> None:
    rows = send_among_neighbours(system, [Upload(name, sound("png", 300 + n)) for n, name in enumerate(NAMES)])
    assert len(rows) == len(NAMES)
    for name, state, *_ in rows:
        assert state in ("done", "rejected"), name
        assert len(name) <= 255
        assert name.isprintable()
        assert not name.startswith("/")
        assert ".." not in name.split("/")


def test_a_thousand_mutated_films_each_end_with_a_reason(system: System) -> None:
    mutated = [Upload(name, data) for name, data in mutations(MUTATIONS, SEED)]
    rows = send_among_neighbours(system, mutated)
    assert len(rows) == MUTATIONS
    ends = Counter((state, code) for _, state, code, *_ in rows)
    print("\n".join(f"{films:5} {state:9} {code}" for (state, code), films in ends.most_common()))
    # A fault of ours, not of the file, is none of the reasons.
    assert not [row for row in rows if row[2] in {"worker_error", "worker_lost", "took_too_long"}]


def test_what_was_uploaded_is_never_served_as_it_came(system: System) -> None:
    """The stored file of a film that is also a web page cannot be had under any address of the system."""
    batch = system.send([Upload("page-behind.jpg", sound("jpeg", 401) + b"<script>alert(1)</script>")])
    system.settle()
    ((film, part),) = system.sql("SELECT id, kind FROM screening_xray WHERE batch_id = %s", batch)
    assert part == "jpeg"
    root = system.stack.base_url
    key = str(film).replace("-", "")
    for address in (f"films/{film}/original", f"films/{film}/as-sent", f"media/films/{key[:2]}/{key}/original",
                    f"static/films/{key[:2]}/{key}/original"):  # fmt: skip
        answer = requests.get(f"{root}/{address}", auth=system.client.auth, timeout=10, allow_redirects=False)
        assert answer.status_code in (302, 404), address
        assert b"<script>alert" not in answer.content


def test_a_large_body_is_taken_at_constant_memory(system: System) -> None:
    """A file far over the limit is read to its end, kept nowhere, and refused with its size."""
    started = time.monotonic()
    with watched(system) as memory:
        batch = system.send([Upload("much.png", bytes(300 << 20))])
        system.settle()
    ((name, state, code, *_),) = rows_of(system, batch)
    assert (name, state, code) == ("much.png", "rejected", "file_too_large")
    assert memory.most["web"] < WEB_MEMORY_MB << 20, memory
    print(f"{time.monotonic() - started:.1f} s, {memory}")
