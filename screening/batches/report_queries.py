"""What a batch's report lists: the flagged films, and every refused file."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from screening.batches.queries import SORT_ORDERS
from screening.models import Batch, Film


def flagged_of(batch: Batch) -> QuerySet[Film]:
    """A batch's films that people have to look at or have looked at, the highest score first."""
    flagged = Film.objects.filter(batch=batch).exclude(review_state=Film.ReviewState.NOT_NEEDED)
    return flagged.order_by(*SORT_ORDERS["score"])


def refused_of(batch: Batch) -> QuerySet[Film]:
    """A batch's files that have no result, in the order they were sent."""
    refused = Film.objects.filter(batch=batch, state__in=Film.REFUSED_STATES)
    return refused.only("original_name", "state", "code", "reason", "step").order_by("created_at", "id")


def refused_by_code(batch: Batch) -> list[tuple[str, int]]:
    """How many files have no result for which reason, the most frequent first."""
    refused = Film.objects.filter(batch=batch, state__in=Film.REFUSED_STATES).order_by()
    return list(refused.values_list("code").annotate(files=Count("pk")).order_by("-files", "code"))
