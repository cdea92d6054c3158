"""Compaction of the counts of films, to which database triggers only add rows; see ``FilmCount``."""

from __future__ import annotations

from django.db import connection

MAX_PARTS = 40  # of a batch; more are merged, if that at least halves them
NEWEST_PARTS = 20_000  # the parts that are examined; older ones were merged already, or are few

BATCHES_WITH_MANY_PARTS = """
SELECT batch_id FROM (SELECT * FROM screening_filmcount ORDER BY id DESC LIMIT %(newest_parts)s) AS parts
GROUP BY batch_id
HAVING count(*) > greatest(%(max_parts)s, 2 * count(DISTINCT (state, decision, review_state, bin)))
"""

MERGE = """
WITH parts AS (
    DELETE FROM screening_filmcount WHERE batch_id = %(batch)s
    RETURNING state, decision, review_state, bin, films, last
)
INSERT INTO screening_filmcount (batch_id, state, decision, review_state, bin, films, last)
SELECT %(batch)s, state, decision, review_state, bin, sum(films), max(last)
FROM parts GROUP BY state, decision, review_state, bin HAVING sum(films) <> 0
"""


def merge_counts() -> int:
    """Merge the parts of batches that have many; returns the number of batches."""
    with connection.cursor() as cursor:
        cursor.execute(BATCHES_WITH_MANY_PARTS, {"max_parts": MAX_PARTS, "newest_parts": NEWEST_PARTS})
        batches = [batch for (batch,) in cursor.fetchall()]
        for batch in batches:
            cursor.execute(MERGE, {"batch": batch})
    return len(batches)
