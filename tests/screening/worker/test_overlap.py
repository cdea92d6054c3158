from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from screening.worker import pipeline as pipeline

PATIENCE = 10  # seconds


@pytest.mark.parametrize("in_turn", [False, True])
def test_results_come_in_order_and_an_error_costs_its_own_group_only(in_turn: bool) -> None:
    def decode(number: int) -> int:
        if number == 2:
            raise ValueError("cannot be decoded")
        return number * 10

    def judge(decoded: int) -> int:
        if decoded == 40:
            raise RuntimeError("the network does not like it")
        return decoded + 1

    found = list(pipeline.run_overlapped(range(6), decode, judge, in_turn=in_turn))
    assert [group for group, _ in found] == list(range(6))
    assert [type(result).__name__ for _, result in found] == [
        "int",
        "int",
        "ValueError",
        "int",
        "RuntimeError",
        "int",
    ]
    assert found[5][1] == 51


def test_the_three_stages_overlap() -> None:
    """Each stage waits for another one to be at work on another group; in turn, they would wait for ever."""
    network_at_0, decoding_2 = threading.Event(), threading.Event()

    def decode(group: int) -> int:
        if group == 1:
            assert network_at_0.wait(PATIENCE)
        if group == 2:
            decoding_2.set()
        return group

    def judge(group: int) -> int:
        if group == 0:
            network_at_0.set()
        if group == 1:
            assert decoding_2.wait(PATIENCE)
        return group

    written = []
    for group, result in pipeline.run_overlapped(range(5), decode, judge):
        if group == 0:
            assert decoding_2.wait(PATIENCE)  # while the caller writes the first group
        written.append(result)
    assert written == list(range(5))


def test_in_turn_both_stages_share_a_thread_and_only_the_writing_overlaps() -> None:
    threads: set[int] = set()
    judged_1 = threading.Event()

    def decode(group: int) -> int:
        threads.add(threading.get_ident())
        return group

    def judge(group: int) -> int:
        threads.add(threading.get_ident())
        if group == 1:
            judged_1.set()
        return group

    for group, _ in pipeline.run_overlapped(range(5), decode, judge, in_turn=True):
        if group == 0:
            assert judged_1.wait(PATIENCE)  # while the caller writes the first group
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("in_turn", [False, True])
def test_no_more_groups_are_in_hand_than_stated(in_turn: bool) -> None:
    taken = 0

    def groups() -> Iterator[int]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield number

    for done, _ in enumerate(pipeline.run_overlapped(groups(), int, int, in_turn=in_turn)):
        assert taken <= done + pipeline.MAX_GROUPS


@pytest.mark.parametrize("in_turn", [False, True])
def test_an_abandoned_run_leaves_its_threads_free(in_turn: bool) -> None:
    def slow(number: int) -> int:
        time.sleep(0.01)
        return number

    def give_up() -> None:
        for group, _ in pipeline.run_overlapped(range(100), slow, slow, in_turn=in_turn):
            if group == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    pipeline.wait_until_idle()
    assert [result for _, result in pipeline.run_overlapped(range(3), int, int)] == [0, 1, 2]


def test_an_error_that_is_no_exception_is_not_swallowed() -> None:
    def leave(_: int) -> int:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(pipeline.run_overlapped([1], leave, int))
