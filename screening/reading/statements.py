"""The reading room's statements. Names are those of ``screening.models``.

They are SQL because choosing the next film and claiming it has to be one statement, and Django's ORM has neither
``INSERT … SELECT`` nor ``ON CONFLICT … WHERE``. Each choice reads an index in its order and stops at the first free
film, so its cost does not depend on how many films wait. A film with a locked row is being claimed by another reader
and is skipped.
"""

from __future__ import annotations

from ml.inference.decision import Decision

# A film without a claim, which this reader has neither read nor skipped.
_IS_FREE = """
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


def _first_free(waiting: str, order: str, settles: bool = False, gold: bool = False) -> str:
    return f"""
        SELECT film.id, film.score, {gold} AS gold, {settles} AS settles
        FROM {waiting} AND {_IS_FREE}
        ORDER BY {order}
        LIMIT 1
        FOR NO KEY UPDATE OF film SKIP LOCKED
    """  # noqa: S608


_PENDING_FILMS = "screening_xray AS film WHERE film.review_state = 'pending' AND film.decision = '{}'"
_UNCERTAIN_FILMS = _PENDING_FILMS.format(Decision.UNCERTAIN)
_GOLD_CASES = (
    "screening_goldcase AS gold JOIN screening_xray AS film ON film.id = gold.film_id"
    " WHERE gold.added_by_id <> %(reader)s"
)

# Parameters of all: reader, lease, and middle for the uncertain ones. One row: the film that was chosen, and the film
# that was claimed. They differ if another reader claimed it after this statement began; then others may be free.
_CLAIM = """
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


def _claim(chosen: str) -> str:
    return f"WITH chosen AS MATERIALIZED ({chosen}){_CLAIM}"


# Different findings, or a request for a second opinion: the oldest first.
CLAIM_DISPUTED = _claim(
    _first_free("screening_xray AS film WHERE film.review_state = 'disputed'", "film.created_at", settles=True)
)
# The highest score first.
CLAIM_POSITIVE = _claim(_first_free(_PENDING_FILMS.format(Decision.POSITIVE), "film.score DESC"))
# The nearest to the middle of the operating points first: the nearest above and the nearest below, then one of them.
CLAIM_UNCERTAIN = f"""
WITH above AS MATERIALIZED ({_first_free(f"{_UNCERTAIN_FILMS} AND film.score >= %(middle)s", "film.score")}),
below AS MATERIALIZED ({_first_free(f"{_UNCERTAIN_FILMS} AND film.score < %(middle)s", "film.score DESC")}),
chosen AS MATERIALIZED (
    SELECT * FROM (SELECT * FROM above UNION ALL SELECT * FROM below) AS nearest
    ORDER BY abs(nearest.score - %(middle)s) LIMIT 1
){_CLAIM}"""  # noqa: S608
# Keys are random, so the audit films read so far are always a random sample of all that were drawn.
CLAIM_AUDIT = _claim(_first_free(_PENDING_FILMS.format(Decision.NEGATIVE), "film.id"))
# Each reader gets the hidden cases in a different order.
CLAIM_GOLD = _claim(_first_free(_GOLD_CASES, "md5(film.id::text || %(reader)s)", gold=True))

# Claim a film again after its verdict was withdrawn, unless another reader has it. Its score has been shown by then.
# It comes before the reader's other claims.
CLAIM_AGAIN = """
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
