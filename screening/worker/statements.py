"""The worker's two SQL statements, one round trip each; see ``screening.models`` for the names.

The ORM has no ``UPDATE … RETURNING``, and it updates rows with different values by a CASE over every row and column,
which took longer than all other database work of the worker.

The conditions on the state are written so that no index serves them: the films are found by their keys. With
statistics older than a batch, the planner would read every film in flight instead (measured with 40,000 films: 11 ms
instead of 2.5 ms).
"""

from __future__ import annotations

from screening.models.film_columns import RESULT_TYPES, RESULT_UPDATE

# Claims the waiting films of a message that no other worker is claiming. Parameters: ids, lease, alone. It does not
# wait for the disk: after a power cut a lost claim leaves its film waiting, and results of that attempt are refused.
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

# Records results of films that are still in the attempt which made them. Parameter: rows, a JSON array.
RECORD = f"""
WITH given AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS row(
        id uuid, attempts smallint, model_id bigint, seconds double precision, {RESULT_TYPES}
    )
), held AS (
    UPDATE screening_xray AS film
    SET {RESULT_UPDATE}, lease_until = NULL, finished_at = now()
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
"""  # noqa: S608  # built from names of columns alone
