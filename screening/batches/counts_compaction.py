"""Keeping the counts of films short; the triggers of the database write them, see ``FilmCount``."""

from __future__ import annotations

from django.db import connection

PARTS_AT_MOST = 40  # of a batch; beyond that they are put together, if that makes them half as many
LOOKED_AT = 20_000  # parts, the newest; what is older was put together or is short

MANY = """
SELECT batch_id FROM (SELECT * FROM screening_filmcount ORDER BY id DESC LIMIT %(looked_at)s) AS parts
GROUP BY batch_id
HAVING count(*) > greatest(%(most)s, 2 * count(DISTINCT (state, decision, review_state, bin)))
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


def merge() -> int:
    """Put together the parts of batches that have many; returns how many batches."""
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"most": PARTS_AT_MOST, "looked_at": LOOKED_AT})
        batches = [batch for (batch,) in cursor.fetchall()]
        for batch in batches:
            cursor.execute(MERGE, {"batch": batch})
    return len(batches)
