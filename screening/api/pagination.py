"""Pages of 100 rows by default and 1,000 at most."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework.pagination import PageNumberPagination

from screening.batches.pagination import CountedPaginator


class Pages(PageNumberPagination):
    """Pagination by ``?page=2&page_size=500``.

    Args:
        count: number of rows if it is known; otherwise they are counted.
    """

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"

    def __init__(self, count: int | None = None) -> None:
        if count is not None:
            self.django_paginator_class: Any = partial(CountedPaginator, count=count)
