"""Pages of long lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

if TYPE_CHECKING:  # generic for the type checker, a plain class when run
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


class Counted(_Paginator):
    """Pages of rows whose number is known, so that nobody counts them."""

    def __init__(self, rows: QuerySet[Any], per_page: int, count: int) -> None:
        super().__init__(rows, per_page)
        self.count = count


def page_of(rows: QuerySet[Any], per_page: int, count: int, number: str | None) -> Page[Any]:
    """A page of rows; the nearest one where there is none of that number.

    Args:
        rows: all rows, in order.
        per_page: rows a page.
        count: how many rows there are.
        number: the page's, from 1, as the address has it.
    """
    return Counted(rows, per_page, count).get_page(number)
