"""A function applied to many items in a few threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event
from typing import TypeVar

WORKERS = 4
MAX_PENDING = 2 * WORKERS  # items submitted at a time, so that the memory used does not grow with the folder

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(work: Callable[[T, Event], R], items: Iterable[T]) -> Generator[tuple[T, Future[R]], None, None]:
    """Call ``work`` on items in four threads; yield each with its future as it finishes.

    If the caller stops early, by an exception or ``close()``, the event passed to each call of ``work`` is set, and
    running calls are waited for.
    """
    stop, source = Event(), iter(items)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="lane") as pool:
        under_way: dict[Future[R], T] = {}
        try:
            while True:
                for item in islice(source, MAX_PENDING - len(under_way)):
                    under_way[pool.submit(work, item, stop)] = item
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    yield under_way.pop(future), future
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
