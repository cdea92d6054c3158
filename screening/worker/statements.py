"""The worker's two statements, one round trip each. Names are those of ``screening.models``.

Written out, because the ORM has no ``UPDATE … RETURNING`` and updates rows with values of their own by a CASE over
every row and column, which took longer than the rest of the worker's bookkeeping together.

The tests of the state are written so that no index fits them: the films are found by their keys. Where statistics are
older than a batch, the planner would rather read every film in flight (measured with 40,000: 11 ms in place of 2.5).
"""

from __future__ import annotations

# The films of a message that wait and that nobody else is about to take. Parameters: ids, lease, alone. It does not
# wait for the disk: a power cut that takes a claim back leaves its film waiting; results of that attempt are refused.
CLAIM = """
UPDATE screening_xray AS film
SET state = 'running', attempts = film.attempts + 1, lease_until = now() + %(lease)s
FROM (
    SELECT waiting.id
    FROM screening_xray AS waiting JOIN screening_batch AS batch ON batch.id = waiting.batch_id
    WHERE waiting.id = ANY(%(ids)s::uuid[])
        AND waiting.state || '' = 'queued'
        AND (waiting.attempts = 0 OR %(alone)s)
        AND batch.submitted_at IS NOT NULL
        AND batch.cancelled_at IS NULL
    FOR UPDATE OF waiting SKIP LOCKED
) AS free, set_config('synchronous_commit', 'off', true)
WHERE film.id = free.id
RETURNING film.*
"""

# Results of films whose attempt is still the one that made them. Parameter: rows, a JSON array.
RECORD = """
WITH given AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS row(
        id uuid, attempts smallint, model_id bigint, state text, code text, reason text, step text,
        score double precision, decision text, flags jsonb, notes jsonb, review_state text,
        pictured boolean, mapped boolean, seconds double precision
    )
), held AS (
    UPDATE screening_xray AS film
    SET state = given.state, code = given.code, reason = given.reason, step = given.step, lease_until = NULL,
        score = given.score, decision = given.decision, flags = given.flags, notes = given.notes,
        review_state = given.review_state, pictured = given.pictured, mapped = given.mapped, finished_at = now()
    FROM given
    WHERE film.id = given.id AND film.attempts = given.attempts
        AND film.state || '' = 'running'
    RETURNING film.id
), predicted AS (
    INSERT INTO screening_prediction (film_id, model_id, score, decision, seconds, created_at)
    SELECT given.id, given.model_id, given.score, given.decision, given.seconds, now()
    FROM given JOIN held ON held.id = given.id
    WHERE given.score IS NOT NULL
    ON CONFLICT (film_id, model_id) DO NOTHING
)
SELECT count(*) FROM held
"""
