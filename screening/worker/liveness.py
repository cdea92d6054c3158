"""Whether a worker still takes work. A process that exists may be deaf: connected, and consuming nothing.

Celery has had such defects after its broker came back (celery/celery issues 7276 and 8030 among others), so each
worker watches itself. Alive means that it took a message lately or that none was waiting. A deaf worker ends
itself, for whoever started it to start it again; its films are taken back when their leases run out.

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
LAST_RESORT = 30.0  # seconds between asking a deaf worker to stop and ending it
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


class Ears:
    """Remembers when a worker last took a message, or there was none to take.

    Args:
        patience: seconds that messages may wait while the worker takes none. Longer than a chunk may take.
        clock: seconds, only ever forwards.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._well = self._occupied = clock()

    def took(self) -> None:
        """A message was taken."""
        self._well = self._occupied = self._clock()

    def deaf(self, waiting: int) -> bool:
        """Whether messages have been waiting for longer than patience allows, none of them taken.

        Args:
            waiting: messages in the broker now; 0 also where it cannot be asked, which is no fault of the worker.
        """
        if not waiting:
            self._well = self._clock()
        return self._clock() - self._well > self._patience

    def idle(self, waiting: int, in_hand: int) -> bool:
        """Whether messages have been waiting for some seconds while the worker had none in hand.

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
        patience: see :class:`Ears`.
        worker: its name, unlike that of any other worker.
    """
    ears = Ears(patience)
    leaving = threading.Event()
    name = os.environ.get("SCREENING_ALIVE_FILE")

    def taken(**_: Any) -> None:
        ears.took()

    def left(**_: Any) -> None:
        leaving.set()

    task_received.connect(taken, weak=False)
    worker_shutting_down.connect(left, weak=False)
    alive = Path(name) if name else None
    threading.Thread(target=_look, args=(ears, worker, leaving, alive), name="liveness", daemon=True).start()


def _look(ears: Ears, worker: str, leaving: threading.Event, alive: Path | None) -> None:
    while not ears.deaf(waiting := publishing.backlog()):
        _touch(alive)
        # What was taken and no process has begun waits too: its processes may die as soon as they are started.
        if leaving.is_set() or ears.idle(waiting + len(reserved_requests), len(active_requests)):
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
