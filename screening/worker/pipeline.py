"""Overlap within one process: the next group is decoded while the network runs over this one and the last is written.

Pillow, NumPy, ONNX Runtime and the database driver release the interpreter lock while they work, so three threads
keep a core busy where one would wait. Where every core has such a process of its own, decoding and the network take
turns in one thread, and only the writing overlaps: two threads that both want the one core throw each other's data
out of its caches (measured on JPEG: 5 % more of the processor). Nothing here knows films or Django.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

G = TypeVar("G")
D = TypeVar("D")
R = TypeVar("R")

AHEAD = 3  # groups in hand: one is decoded, one is in the network, one is written by the caller


def overlapped(
    groups: Iterable[G], decode: Callable[[G], D], judge: Callable[[D], R], *, in_turn: bool = False
) -> Iterator[tuple[G, R | Exception]]:
    """Run every group through two stages in threads of their own; the caller is the third.

    At most ``AHEAD`` groups are in hand, which is what bounds the memory.

    Args:
        groups: the work, in order.
        decode: the first stage.
        judge: the second stage.
        in_turn: both stages in one thread, for a process that has one core.

    Yields:
        each group with what ``judge`` made of it, or with the error of the stage that failed; in order.
    """
    waiting: deque[tuple[G, Future[R]]] = deque()
    first_stage = _thread("network" if in_turn else "decode")
    try:
        for group in groups:
            decoded = first_stage.submit(decode, group)
            waiting.append((group, _thread("network").submit(_after, judge, decoded)))
            if len(waiting) == AHEAD:
                first, future = waiting.popleft()
                outcome = _result(future)
                yield first, outcome
        while waiting:
            first, future = waiting.popleft()
            outcome = _result(future)
            yield first, outcome
    finally:
        for _, future in waiting:
            future.cancel()


def in_network_thread(job: Callable[[], object]) -> None:
    """Begin a job in the second stage's thread; what comes later waits for it. Its errors are nobody's."""
    _thread("network").submit(job)


def drain() -> None:
    """Wait until both threads are idle: what an abandoned run left in them is finished or was cancelled."""
    wait([_thread(stage).submit(int) for stage in ("decode", "network")])


def _after(judge: Callable[[D], R], decoded: Future[D]) -> R:
    return judge(decoded.result())


def _result(future: Future[R]) -> R | Exception:
    """What a group came to. What interrupts the waiting itself (a time limit) is not caught."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Exception):
        return error
    raise error


@cache
def _thread(stage: str) -> ThreadPoolExecutor:
    """One thread a stage, made when first needed: after the fork, in the process that works."""
    return ThreadPoolExecutor(1, thread_name_prefix=stage)
