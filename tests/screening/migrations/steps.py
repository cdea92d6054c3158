"""Migration of the test database to a step and back, and rows as the models of that step wrote them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from screening.models import Batch

Target = list[tuple[str, str]]


def migrate(target: Target) -> None:
    """Migrate the database, forward or back."""
    MigrationExecutor(connection).migrate(target)


def migrate_to_latest() -> None:
    """Migrate the database to the step that all other tests need."""
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("screening"))


def insert_film(target: Target, model: str, batch: Batch, number: int, **fields: Any) -> uuid.UUID:
    """Insert a film by the model of a step, which has the columns of that step; returns its key."""
    models = MigrationExecutor(connection).loader.project_state(target).apps
    values = {"sha256": f"{number:064x}", "bytes": 1000, "kept_bytes": 1000, "kind": "png", "state": "queued"}
    row = models.get_model("screening", model).objects.create(batch_id=batch.pk, **{**values, **fields})
    return uuid.UUID(str(row.pk))
