"""Rows that earlier versions wrote keep their meaning: the step "door" becomes "intake", no other step changes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from screening.models import Batch
from tests.screening.factories import film

BEFORE, AFTER = [("screening", "0009_groups")], [("screening", "0010_intake")]


def migrate(target: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


@pytest.mark.django_db(transaction=True)
def test_rows_of_earlier_versions_are_renamed_and_can_be_renamed_back(batch: Batch) -> None:
    steps = {"a.png": "door", "b.png": "gate", "c.png": "worker", "d.png": "sender", "e.png": "sweep", "f.png": ""}
    try:
        migrate(BEFORE)
        for number, (name, step) in enumerate(steps.items()):
            refusal = {"state": "rejected", "code": "duplicate", "reason": "Why."} if step else {}
            film(batch, number, original_name=name, step=step, **refusal)
        migrate(AFTER)
        assert dict(batch.films.values_list("original_name", "step")) == steps | {"a.png": "intake"}
        migrate(BEFORE)
        assert dict(batch.films.values_list("original_name", "step")) == steps
    finally:
        migrate(AFTER)
