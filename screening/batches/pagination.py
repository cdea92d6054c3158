"""Pages of long lists: nobody counts all of one for a page of it."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from screening.batches.queries import count_up_to

FAR = 1_000  # rows before a page from which it is worth a query of its own to find the page's keys

MAX_COUNTED = 2_000  # rows; to see more of a list, narrow it down by a filter


class Counted(Paginator):  # type: ignore[type-arg]
    """Pages of rows whose number is known, so that nobody counts them; the last page is as near as the first.

    Args:
        rows: all rows, in an order without ties.
        per_page: rows a page.
        count: how many rows there are.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int, count: int) -> None:
        super().__init__(rows, per_page)
        self.count = count

    def page(self, number: int | str) -> Page[Any]:
        """One page; see Django's."""
        checked = self.validate_number(number)
        start = (checked - 1) * self.per_page
        return Page(self._rows(start, min(start + self.per_page, self.count)), checked, self)

    def _rows(self, start: int, end: int) -> Any:
        """Rows of a page: what lies far in is reached from the nearer end, by keys, which an index has."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if start < FAR:
            return rows[start:end]
        if self.count - end < start:
            keys = list(rows.reverse().values_list("pk", flat=True)[self.count - end : self.count - start])[::-1]
        else:
            keys = list(rows.values_list("pk", flat=True)[start:end])
        found = rows.in_bulk(keys)
        return [found[key] for key in keys if key in found]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than a person pages."""

    @cached_property
    def count(self) -> int:
        """Rows, at most ``MAX_COUNTED``."""
        return count_up_to(self.object_list, MAX_COUNTED)  # type: ignore[arg-type]


def page_of(rows: QuerySet[Any], per_page: int, count: int, number: str | None) -> Page[Any]:
    """A page of rows; the nearest one where there is none of that number.

    Args:
        rows: all rows, in an order without ties.
        per_page: rows a page.
        count: how many rows there are.
        number: the page's, from 1, as the address has it.
    """
    return Counted(rows, per_page, count).get_page(number)
