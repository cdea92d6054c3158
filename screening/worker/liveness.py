"""Detection of a stalled worker: a process that is connected to its broker and receives no message.

Celery has had such defects after its broker came back (celery/celery issues 7276 and 8030 among others), so each
worker watches itself. It is healthy if it received a message lately or if none was waiting. A stalled worker ends
itself; its supervisor starts it again, and its films are taken back when their leases run out.

As long as a worker takes work it says so in the broker (:mod:`screening.worker.heartbeats`), by which ``/healthz``
knows. It stops saying so when messages wait for seconds while none of its processes works, and when it is told to
stop.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import task_received, worker_shutting_down
from celery.worker.state import active_requests, reserved_requests

from screening import publishing
from screening.worker import heartbeats

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0  # seconds
IDLE_SECONDS = 6.0  # that messages may wait while a worker has nothing in hand; it takes them at once
LAST_RESORT = 30.0  # seconds between asking a stalled worker to stop and ending it
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


class ConsumerHeartbeat:
    """The time when a worker last received a message, or when none was waiting.

    Args:
        patience: seconds that messages may wait while the worker takes none. Longer than a chunk may take.
        clock: seconds, only ever forwards.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._last_healthy_at = self._occupied = clock()

    def message_received(self) -> None:
        """Note that a message was received."""
        self._last_healthy_at = self._occupied = self._clock()

    def is_stalled(self, waiting: int) -> bool:
        """Return whether messages have been waiting for longer than ``patience``, and none was received.

        Args:
            waiting: messages in the broker now; 0 also where it cannot be asked, which is no fault of the worker.
        """
        if not waiting:
            self._last_healthy_at = self._clock()
        return self._clock() - self._last_healthy_at > self._patience

    def idle(self, waiting: int, in_hand: int) -> bool:
        """Return whether messages have been waiting for some seconds while the worker had none in hand.

        Args:
            waiting: messages that nobody works on.
            in_hand: messages that one of the worker's processes works on.
        """
        if in_hand or not waiting:
            self._occupied = self._clock()
        return self._clock() - self._occupied > IDLE_SECONDS


def watch(patience: float, worker: str) -> None:
    """Watch this worker from a thread, and tell others as long as it takes work.

    Args:
        patience: see :class:`ConsumerHeartbeat`.
        worker: its name, unlike that of any other worker.
    """
    heartbeat = ConsumerHeartbeat(patience)
    leaving = threading.Event()
    name = os.environ.get("SCREENING_ALIVE_FILE")

    def taken(**_: Any) -> None:
        heartbeat.message_received()

    def left(**_: Any) -> None:
        leaving.set()

    task_received.connect(taken, weak=False)
    worker_shutting_down.connect(left, weak=False)
    alive = Path(name) if name else None
    threading.Thread(target=_look, args=(heartbeat, worker, leaving, alive), name="liveness", daemon=True).start()


def _look(heartbeat: ConsumerHeartbeat, worker: str, leaving: threading.Event, alive: Path | None) -> None:
    while not heartbeat.is_stalled(waiting := publishing.backlog()):
        _touch(alive)
        # What was taken and no process has begun waits too: its processes may die as soon as they are started.
        if leaving.is_set() or heartbeat.idle(waiting + len(reserved_requests), len(active_requests)):
            heartbeats.leave(worker)
        else:
            heartbeats.beat(worker)
        _pause(leaving)
    heartbeats.leave(worker)
    log.critical("messages wait and this worker takes none; it ends itself to be started again")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_RESORT)
    os._exit(EXIT_STATUS)


def _pause(leaving: threading.Event) -> None:
    if leaving.is_set():
        time.sleep(LOOK_EVERY)
    else:
        leaving.wait(LOOK_EVERY)  # so that others know at once


def _touch(alive: Path | None) -> None:
    try:
        if alive is not None:
            alive.touch()
    except OSError as error:  # its disk is full; the watch must go on
        log.warning("%s cannot be touched: %s", alive, error)
