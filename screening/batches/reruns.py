"""Re-runs: a new batch with the films of another one, screened by another model, which shares the stored bytes."""

from __future__ import annotations

import json
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Now

from screening import publishing
from screening.accounts import quotas
from screening.batches.progress import progress_of
from screening.codes import batch_codes
from screening.errors import ScreeningError
from screening.models import Batch, ModelVersion
from screening.models.film_columns import (
    CLEANING_COLUMNS,
    FILE_COLUMNS,
    RESULT_COLUMNS,
    RESULT_TYPES,
    STORAGE_COLUMNS,
    empty_result,
)

COPIED = (*FILE_COLUMNS, *CLEANING_COLUMNS)
NOTHING_STORED = {"kept_bytes": "0", "stored": "false", "as_sent": "false"}  # in SQL
# Inserts a new row for every film whose bytes are stored, in the order they were sent. Columns that are not named are
# NULL. Parameters: batch, of, and empty (a JSON object with the result columns of a film without a result).
COPY = f"""
INSERT INTO screening_xray (
    id, batch_id, source_id, created_at, {", ".join(COPIED)},
    {", ".join(STORAGE_COLUMNS)}, attempts, {", ".join(RESULT_COLUMNS)}
)
SELECT gen_random_uuid(), %(batch)s, coalesce(film.source_id, film.id),
    now() + row_number() OVER (ORDER BY film.created_at, film.id) * interval '1 microsecond',
    {", ".join(f"film.{name}" for name in COPIED)},
    {", ".join(NOTHING_STORED[name] for name in STORAGE_COLUMNS)}, 0,
    {", ".join(f"empty.{name}" for name in RESULT_COLUMNS)}
FROM screening_xray AS film, json_to_record(%(empty)s::json) AS empty({RESULT_TYPES})
WHERE film.batch_id = %(of)s AND (film.stored OR film.source_id IS NOT NULL) AND film.state <> 'unpacked'
"""  # noqa: S608  # built from names of columns alone


def rerun_batch(*, batch: Batch, model: ModelVersion, owner: User) -> Batch:
    """Screen a finished batch's films with another model, in a new batch. The first batch stays as it is.

    Args:
        batch: the first batch; it must be finished or cancelled, so that its films are complete.
        model: the model version to screen them with.
        owner: the owner of the new batch.

    Returns:
        the new batch.

    Raises:
        ScreeningError: ``batch_unfinished``, ``same_model``, ``batch_empty``, ``rerun_exists`` or ``quota_files``.
    """
    if not progress_of(batch).is_final:
        raise ScreeningError(batch_codes.BATCH_UNFINISHED)
    if model.pk == batch.model_id:
        raise ScreeningError(batch_codes.SAME_MODEL)
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=batch.pk)  # orders two requests for the same re-run
        _require_first_rerun(batch, model)
        new_batch = Batch.objects.create(
            id=uuid4(), owner=owner, name=f"{batch.name[:90]} · {model.name}"[:120], model=model, rerun_of=batch,
            submitted_at=Now(),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(COPY, {"batch": new_batch.pk, "of": batch.pk, "empty": json.dumps(empty_result())})
            films = cursor.rowcount
        if not films:
            raise ScreeningError(batch_codes.NOTHING_STORED)
        quotas.charge_quota(owner.pk, 0, files=films)
        transaction.on_commit(lambda: publishing.publish_batch(new_batch))
    new_batch.refresh_from_db()
    return new_batch


def _require_first_rerun(batch: Batch, model: ModelVersion) -> None:
    for twin in Batch.objects.filter(rerun_of=batch, model=model):
        if progress_of(twin).state != "cancelled":
            raise ScreeningError(batch_codes.RERUN_EXISTS, name=twin.name)
