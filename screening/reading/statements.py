"""The reading room's statements. Names are those of ``screening.models``.

Written out, because choosing the next film and taking it has to be one statement, and the ORM has neither
``INSERT … SELECT`` nor ``ON CONFLICT … WHERE``. Each choice walks an index in its order and stops at the first film
that is free, so it costs the same however many films wait. A film whose row is locked is being taken by somebody
else; it is passed over, not waited for.
"""

from __future__ import annotations

# A film nobody holds, that this reader has neither read nor skipped.
_FREE = """
    film.pictured
    AND NOT EXISTS (
        SELECT FROM screening_readingclaim AS held WHERE held.film_id = film.id AND held.until > now()
    )
    AND NOT EXISTS (
        SELECT FROM screening_readingskip AS skipped
        WHERE skipped.film_id = film.id AND skipped.reader_id = %(reader)s AND skipped.until > now()
    )
    AND NOT EXISTS (
        SELECT FROM screening_review AS given
        WHERE given.film_id = film.id AND given.reviewer_id = %(reader)s AND given.verdict <> 'withdrawn'
            AND NOT EXISTS (SELECT FROM screening_review AS back WHERE back.withdraws_id = given.id)
    )
"""


def _walk(waiting: str, order: str, settles: bool = False, gold: bool = False) -> str:
    return f"""
        SELECT film.id, film.score, {gold} AS gold, {settles} AS settles
        FROM {waiting} AND {_FREE}
        ORDER BY {order}
        LIMIT 1
        FOR NO KEY UPDATE OF film SKIP LOCKED
    """  # noqa: S608


_PENDING = "screening_xray AS film WHERE film.review_state = 'pending' AND film.decision = '{}'"
_UNCERTAIN = _PENDING.format("uncertain")
_GOLD = (
    "screening_goldcase AS gold JOIN screening_xray AS film ON film.id = gold.film_id"
    " WHERE gold.added_by_id <> %(reader)s"
)

# Parameters of all: reader, lease, and middle for the uncertain ones. One row: the film that was chosen, and the film
# that was taken. They differ where another reader took it after this statement began; then there may be more.
_TAKE = """
, taken AS (
    INSERT INTO screening_readingclaim AS claim (film_id, reader_id, taken_at, until, gold, settles, seen_open)
    SELECT id, %(reader)s, clock_timestamp(), clock_timestamp() + %(lease)s, gold, settles, false FROM chosen
    ON CONFLICT (film_id) DO UPDATE
    SET reader_id = excluded.reader_id, taken_at = excluded.taken_at, until = excluded.until, shown_at = NULL,
        gold = excluded.gold, settles = excluded.settles, seen_open = false
    WHERE claim.until <= now()
    RETURNING film_id
)
SELECT (SELECT id FROM chosen), (SELECT film_id FROM taken)
"""


def _take(chosen: str) -> str:
    return f"WITH chosen AS MATERIALIZED ({chosen}){_TAKE}"


# Readers differ, or one asked for a second opinion: the oldest first.
DISPUTED = _take(
    _walk("screening_xray AS film WHERE film.review_state = 'disputed'", "film.created_at", settles=True)
)
# The highest score first.
POSITIVE = _take(_walk(_PENDING.format("positive"), "film.score DESC"))
# The nearest to the middle between the operating points first: the nearest above and below, and of these two one.
UNCERTAIN = f"""
WITH above AS MATERIALIZED ({_walk(f"{_UNCERTAIN} AND film.score >= %(middle)s", "film.score")}),
below AS MATERIALIZED ({_walk(f"{_UNCERTAIN} AND film.score < %(middle)s", "film.score DESC")}),
chosen AS MATERIALIZED (
    SELECT * FROM (SELECT * FROM above UNION ALL SELECT * FROM below) AS nearest
    ORDER BY abs(nearest.score - %(middle)s) LIMIT 1
){_TAKE}"""  # noqa: S608
# Keys are random, so at any moment the audit films read so far are a random sample of those drawn.
AUDIT = _take(_walk(_PENDING.format("negative"), "film.id"))
# Every reader meets the hidden cases in an order of their own.
GOLD = _take(_walk(_GOLD, "md5(film.id::text || %(reader)s)", gold=True))

# Take a film back after its verdict was withdrawn, unless somebody else has it. What the model said was seen by then;
# the film comes before any other this reader holds.
AGAIN = """
INSERT INTO screening_readingclaim AS claim (film_id, reader_id, taken_at, until, gold, settles, seen_open)
VALUES (
    %(film)s, %(reader)s, clock_timestamp() - INTERVAL '1 day', clock_timestamp() + %(lease)s,
    %(gold)s, %(settles)s, true
)
ON CONFLICT (film_id) DO UPDATE
SET reader_id = excluded.reader_id, taken_at = excluded.taken_at, until = excluded.until, shown_at = NULL,
    gold = excluded.gold, settles = excluded.settles, seen_open = true
WHERE claim.until <= now() OR claim.reader_id = excluded.reader_id
"""
