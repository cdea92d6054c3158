"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT, REFERENCE = "screener", "seed-cnn"  # the models
PROCESSES = 2  # of the worker, of the bare loop and of the naive design
POLL_SECONDS = 0.5  # between two looks at a running batch; the rates come from the server's clock


@dataclass(frozen=True)
class Plan:
    """Counts are films where nothing else is said.

    Attributes:
        films: of a kind, a round.
        rounds: in which limit and end to end take turns.
        short: the same where whole systems are compared: one and two processes, ours and the naive one.
        naive: that the naive design gets.
        warm: with which every model is warmed up, twice.
        few: the shorter run of the pair that shows whether length matters; they go before and after the longer one.
        many: the longer run.
        early: after which memory is looked at first.
        singles: sent one by one.
        waiting: while a small batch overtakes.
        overtakers: small batches.
        starts: of the worker.
        lists: of the batches whose pages are compared, the smaller one first.
        real: say whether the films of ``XRAY_DATA_DIR`` are measured too.
    """

    films: int = 1_000
    rounds: int = 3
    short: int = 1_000
    naive: int = 64
    warm: int = 64
    few: int = 1_000
    many: int = 10_000
    early: int = 500
    singles: int = 40
    waiting: int = 5_000
    overtakers: int = 9
    starts: int = 5
    lists: tuple[int, int] = (1_000, 100_000)
    real: bool = False


QUICK = Plan(
    films=32,
    rounds=1,
    short=32,
    naive=8,
    warm=16,
    few=64,
    many=256,
    early=64,
    singles=8,
    waiting=600,
    overtakers=3,
    starts=1,
    lists=(200, 2_000),
)
