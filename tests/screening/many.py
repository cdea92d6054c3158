"""Very many films in little time: rows made by the database itself, as they are after screening."""

from __future__ import annotations

from typing import Any

from django.db import connection

from screening.models import Batch

# One film in sixteen was refused; of the others every tenth is positive, every twentieth uncertain, and of the
# negative ones every twentieth was drawn for review. Every third of those flagged has a verdict. Names have folders.
FILMS = """
INSERT INTO screening_xray (
    id, batch_id, original_name, sha256, bytes, kept_bytes, kind, width, height, synthetic, stored, as_sent, patient,
    study, receipt, pictured, mapped, state, code, reason, step, attempts, score, decision, flags, notes,
    review_state, created_at, finished_at
)
SELECT
    gen_random_uuid(), %(batch)s, 'ward-' || number %% 40 || '/film-' || lpad(number::text, 6, '0') || '.png',
    encode(sha256((%(salt)s || number)::bytea), 'hex'), 1000, 1000, 'png', 512, 512, true, NOT refused, false, '', '',
    '[]', NOT refused, false, CASE WHEN refused THEN 'rejected' ELSE 'done' END,
    CASE WHEN refused THEN 'blank_film' ELSE '' END, CASE WHEN refused THEN 'Every pixel is the same.' ELSE '' END,
    CASE WHEN refused THEN 'gate' ELSE '' END, 1, CASE WHEN NOT refused THEN score END,
    CASE WHEN refused THEN '' ELSE decision END, CASE WHEN flag = '' THEN '[]' ELSE jsonb_build_array(flag) END, '[]',
    CASE WHEN flag = '' THEN 'not_needed' WHEN number %% 3 = 0 THEN 'confirmed' ELSE 'pending' END,
    now() + number * interval '1 microsecond', now()
FROM generate_series(1, %(films)s) AS number,
    LATERAL (SELECT number %% 16 = 8 AS refused, ((number * 7919 + %(turn)s) %% 1009) / 1009.0 AS score) AS a,
    LATERAL (SELECT CASE WHEN score > 0.9 THEN 'positive' WHEN score > 0.85 THEN 'uncertain' ELSE 'negative' END
        AS decision) AS b,
    LATERAL (SELECT CASE WHEN refused THEN '' WHEN decision <> 'negative' THEN decision
        WHEN number %% 20 = 3 THEN 'sampled' ELSE '' END AS flag) AS c
"""
PREDICTIONS = """
INSERT INTO screening_prediction (film_id, model_id, score, decision, seconds, created_at)
SELECT film.id, batch.model_id, film.score, film.decision, 0.02, film.finished_at
FROM screening_xray AS film JOIN screening_batch AS batch ON batch.id = film.batch_id
WHERE film.batch_id = %(batch)s AND film.state = 'done'
"""
REVIEWS = """
INSERT INTO screening_review (
    film_id, reviewer_id, verdict, finding, note, score, decision, blinded, seconds, final, gold, created_at
)
SELECT id, %(reviewer)s, 'confirmed', CASE decision WHEN 'negative' THEN 'negative' ELSE 'positive' END, '', score,
    decision, true, 20, true, false, finished_at
FROM screening_xray WHERE batch_id = %(batch)s AND review_state = 'confirmed'
"""


def many_films(batch: Batch, films: int) -> None:
    """Add screened and refused films to an empty batch, with predictions, flags and verdicts of its owner.

    The films of a re-run are those of the batch that it runs again, with scores of their own.
    """
    values: dict[str, Any] = {
        "batch": batch.pk,
        "films": films,
        "salt": str(batch.rerun_of_id or batch.pk),
        "turn": 101 if batch.rerun_of_id else 0,
        "reviewer": batch.owner_id,
    }
    with connection.cursor() as cursor:
        for statement in (FILMS, PREDICTIONS, REVIEWS):
            cursor.execute(statement, values)
