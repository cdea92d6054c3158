"""Checks of the counts that pages and the API show, and of users' quota usage, against the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import connection

from screening.accounts.quotas import USAGE
from screening.batches.progress import progress_of
from screening.integrity.violations import CheckedCounts, Violation, snapshot
from screening.models import Batch, Film

ROWS_A_READ = 2_000

# Users whose recorded usage differs from the usage according to their rows.
WRONG_USAGE = f"""
SELECT owner.id, coalesce(quota.used_files, 0), coalesce(quota.used_bytes, 0), owner.files, owner.bytes
FROM ({USAGE}) AS owner LEFT JOIN screening_quota AS quota ON quota.user_id = owner.id
WHERE (coalesce(quota.used_files, 0), coalesce(quota.used_bytes, 0)) <> (owner.files, owner.bytes)
"""  # noqa: S608 - of constants


def find_wrong_counts(tally: CheckedCounts) -> Iterator[Violation]:
    """Yield a violation for each batch and each user whose count differs from the rows."""
    for batch in Batch.objects.order_by("pk").iterator(ROWS_A_READ):
        tally.batches += 1
        if sentence := _wrong_count(batch):
            yield Violation("counts_differ", str(batch.pk), sentence)
    with connection.cursor() as cursor:
        cursor.execute(WRONG_USAGE)
        for owner, recorded_files, recorded_bytes, files, size in cursor.fetchall():
            sentence = f"Its quota says {recorded_files} files of {recorded_bytes} bytes, its rows {files} of {size}."
            yield Violation("quota_differs", f"user {owner}", sentence)


def _wrong_count(batch: Batch) -> str:
    with snapshot():
        states = Film.objects.filter(batch=batch).order_by().values_list("state", flat=True)
        there = Counter(states.iterator(ROWS_A_READ))
        try:
            shown = progress_of(batch)
        except KeyError as error:
            return f"Nobody can count its films: {error} is unknown."
    if shown.total == there.total() and {name: films for name, films in shown.states.items() if films} == dict(there):
        return ""
    return f"Its progress says {shown.total} {shown.states}, its films are {there.total()} {dict(there)}."
