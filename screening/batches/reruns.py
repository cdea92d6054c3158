"""A batch's films once more, by another model: a batch of its own that shares the stored bytes."""

from __future__ import annotations

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

# Every film whose bytes are stored waits again under a key of its own. In the order they were sent.
COPY = """
INSERT INTO screening_xray (
    id, batch_id, source_id, original_name, sha256, bytes, kept_bytes, kind, width, height, synthetic, stored,
    pictured, mapped, as_sent, patient, study, receipt, state, code, reason, step, attempts, decision, flags, notes,
    review_state, created_at
)
SELECT gen_random_uuid(), %(batch)s, coalesce(film.source_id, film.id), film.original_name, film.sha256, film.bytes,
    0, film.kind, film.width, film.height, film.synthetic, false, false, false, false, film.patient, film.study,
    film.receipt, 'queued', '', '', '', 0, '', '[]', '[]', 'not_needed',
    now() + row_number() OVER (ORDER BY film.created_at, film.id) * interval '1 microsecond'
FROM screening_xray AS film
WHERE film.batch_id = %(of)s AND (film.stored OR film.source_id IS NOT NULL) AND film.state <> 'unpacked'
"""


def rerun(*, batch: Batch, model: ModelVersion, owner: User) -> Batch:
    """Screen a finished batch's films with another model; the first batch and its results stay as they are.

    Args:
        batch: the batch; only a finished or cancelled one has all its films.
        model: the model version to screen them with.
        owner: whose the new batch is.

    Raises:
        ScreeningError: ``batch_unfinished``, ``same_model``, ``batch_empty``, ``rerun_exists`` or ``quota_files``.
    """
    if not progress_of(batch).is_final:
        raise ScreeningError(batch_codes.BATCH_UNFINISHED)
    if model.pk == batch.model_id:
        raise ScreeningError(batch_codes.SAME_MODEL)
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=batch.pk)  # one of two clicks is first
        _refuse_twice(batch, model)
        again = Batch.objects.create(
            id=uuid4(), owner=owner, name=f"{batch.name[:90]} · {model.name}"[:120], model=model, rerun_of=batch,
            submitted_at=Now(),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(COPY, {"batch": again.pk, "of": batch.pk})
            films = cursor.rowcount
        if not films:
            raise ScreeningError(batch_codes.NOTHING_STORED)
        quotas.charge_quota(owner.pk, 0, files=films)
        transaction.on_commit(lambda: publishing.publish_batch(again))
    again.refresh_from_db()
    return again


def _refuse_twice(batch: Batch, model: ModelVersion) -> None:
    for twin in Batch.objects.filter(rerun_of=batch, model=model):
        if progress_of(twin).state != "cancelled":
            raise ScreeningError(batch_codes.RERUN_EXISTS, name=twin.name)
