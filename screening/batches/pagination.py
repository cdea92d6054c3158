"""Pagination that never counts all rows of a long list."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from screening.batches.queries import count_up_to

DEEP_OFFSET = 1_000  # rows before a page; from here on a query of its own finds the page's keys
MAX_COUNTED = 2_000  # rows; to see more of a list, use a filter


class CountedPaginator(Paginator):  # type: ignore[type-arg]
    """Paginator of rows whose number is known; the last page costs as little as the first.

    Args:
        rows: all rows, in an order without ties.
        per_page: rows on a page.
        count: the number of rows.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int, count: int) -> None:
        super().__init__(rows, per_page)
        self.count = count

    def page(self, number: int | str) -> Page[Any]:
        """Return a page; see Django's paginator."""
        checked = self.validate_number(number)
        start = (checked - 1) * self.per_page
        return Page(self._rows(start, min(start + self.per_page, self.count)), checked, self)

    def _rows(self, start: int, end: int) -> Any:
        """Return the rows of a page. A page deep in the list is reached from the nearer end, by keys of an index."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if start < DEEP_OFFSET:
            return rows[start:end]
        if self.count - end < start:
            keys = list(rows.reverse().values_list("pk", flat=True)[self.count - end : self.count - start])[::-1]
        else:
            keys = list(rows.values_list("pk", flat=True)[start:end])
        found = rows.in_bulk(keys)
        return [found[key] for key in keys if key in found]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Paginator that counts at most ``MAX_COUNTED`` rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most ``MAX_COUNTED``."""
        return count_up_to(self.object_list, MAX_COUNTED)  # type: ignore[arg-type]


def page_of(rows: QuerySet[Any], per_page: int, count: int, number: str | None) -> Page[Any]:
    """Return a page of rows; the nearest one where there is no page of that number.

    Args:
        rows: all rows, in an order without ties.
        per_page: rows on a page.
        count: the number of rows.
        number: the page's number, from 1, as the URL has it.
    """
    return CountedPaginator(rows, per_page, count).get_page(number)
