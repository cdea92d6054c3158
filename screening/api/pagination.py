"""Pages of a hundred, a thousand at most."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework.pagination import PageNumberPagination

from screening.batches.pagination import Counted


class Pages(PageNumberPagination):
    """``?page=2&page_size=500``.

    Args:
        count: how many rows there are, where that is known; else they are counted.
    """

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"

    def __init__(self, count: int | None = None) -> None:
        if count is not None:
            self.django_paginator_class: Any = partial(Counted, count=count)
