"""Rows that earlier versions wrote keep their meaning: the step "door" becomes "intake", no other step changes."""

from __future__ import annotations

import pytest

from screening.models import Batch
from tests.screening.migrations.steps import insert_film, migrate, migrate_to_latest

BEFORE, AFTER = [("screening", "0009_groups")], [("screening", "0010_intake")]


@pytest.mark.django_db(transaction=True)
def test_rows_of_earlier_versions_are_renamed_and_can_be_renamed_back(batch: Batch) -> None:
    steps = {"a.png": "door", "b.png": "gate", "c.png": "worker", "d.png": "sender", "e.png": "sweep", "f.png": ""}
    try:
        migrate(BEFORE)
        for number, (name, step) in enumerate(steps.items()):
            refusal = {"state": "rejected", "code": "duplicate", "reason": "Why."} if step else {}
            insert_film(BEFORE, "xray", batch, number, original_name=name, step=step, **refusal)
        migrate(AFTER)
        assert dict(batch.films.values_list("original_name", "step")) == steps | {"a.png": "intake"}
        migrate(BEFORE)
        assert dict(batch.films.values_list("original_name", "step")) == steps
    finally:
        migrate_to_latest()
