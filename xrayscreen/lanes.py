"""The same work on many things, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event
from typing import TypeVar

LANES = 4
AHEAD = 2 * LANES  # things handed out at a time, so that a folder of any size takes the same memory

T = TypeVar("T")
Outcome = TypeVar("Outcome")


def in_lanes(
    work: Callable[[T, Event], Outcome], things: Iterable[T]
) -> Generator[tuple[T, Future[Outcome]], None, None]:
    """Do work on things in four threads; yields each with its outcome as it is done, in no certain order.

    Whoever stops reading, by an exception or by ``close()``, sets the event that each call of ``work`` is given and
    waits for those under way.
    """
    stop, source = Event(), iter(things)
    with ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool:
        under_way: dict[Future[Outcome], T] = {}
        try:
            while True:
                for thing in islice(source, AHEAD - len(under_way)):
                    under_way[pool.submit(work, thing, stop)] = thing
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    yield under_way.pop(future), future
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
