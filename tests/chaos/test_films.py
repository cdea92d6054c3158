"""Films that kill the process that decodes them."""

from __future__ import annotations

import pytest

from tests.chaos.films import films
from tests.chaos.system import System

DEADLY = {"segfault": ("worker_lost", 3), "killed": ("worker_lost", 3), "memory": ("too_much_memory", 2)}


@pytest.mark.full_round
def test_a_film_that_kills_its_process_fails_alone(injected: System) -> None:
    deadly = [one for number, order in enumerate(DEADLY) for one in films(1, order, first=5 + 9 * number)]
    harmless = [one for one in films(30) if one.name[:5] not in {bad.name[:5] for bad in deadly}]
    uploads = sorted([*deadly, *harmless], key=lambda upload: upload.name)
    batch = injected.send(uploads)
    injected.settle()
    outcome = injected.outcome(batch)
    for bad, (code, attempts) in zip(deadly, DEADLY.values(), strict=True):
        assert outcome.pop(bad.name) == ("failed", code, attempts)
    assert {name: state for name, (state, _, _) in outcome.items()} == {one.name: "done" for one in harmless}
