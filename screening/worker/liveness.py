"""Detection of a stalled worker: a process that is connected to its broker and receives no message.

Celery has had such defects after its broker came back (celery/celery issues 7276 and 8030 among others), so each
worker watches itself. It is healthy if it received a message recently or if none was waiting. A stalled worker ends
itself; its supervisor restarts it, and its films are queued again when their leases end.

A worker that accepts messages sends heartbeats to the broker (:mod:`screening.worker.heartbeats`), which ``/healthz``
reads. It stops sending them when messages wait for seconds while none of its processes works, and when it is told to
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

CHECK_SECONDS = 2.0  # between two checks
IDLE_SECONDS = 6.0  # longest time that messages may wait while the worker is idle
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


class ConsumerHeartbeat:
    """The time when a worker last received a message, or when none was waiting.

    Args:
        max_wait: seconds that messages may wait while the worker receives none; longer than a chunk may take.
        clock: returns seconds of a clock that is never set back.
    """

    def __init__(self, max_wait: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_wait, self._clock = max_wait, clock
        self._last_healthy_at = self._last_busy_at = clock()

    def message_received(self) -> None:
        """Note that a message was received."""
        self._last_healthy_at = self._last_busy_at = self._clock()

    def is_stalled(self, waiting: int) -> bool:
        """Return whether messages have been waiting for longer than ``max_wait``, and none was received.

        Args:
            waiting: messages in the broker now; 0 also while it is not available, which is no fault of the worker.
        """
        if not waiting:
            self._last_healthy_at = self._clock()
        return self._clock() - self._last_healthy_at > self._max_wait

    def is_idle(self, waiting: int, active: int) -> bool:
        """Return whether messages have been waiting for some seconds while no process of the worker worked.

        Args:
            waiting: messages that no process works on.
            active: messages that a process of this worker works on.
        """
        if active or not waiting:
            self._last_busy_at = self._clock()
        return self._clock() - self._last_busy_at > IDLE_SECONDS


def start_watch(max_wait: float, worker: str, stop_grace: float) -> None:
    """Start a thread that watches this worker and sends its heartbeats.

    Args:
        max_wait: see :class:`ConsumerHeartbeat`.
        worker: the worker's unique name.
        stop_grace: seconds between asking a stalled worker to stop and ending it.
    """
    heartbeat = ConsumerHeartbeat(max_wait)
    shutting_down = threading.Event()
    name = os.environ.get("SCREENING_ALIVE_FILE")

    def on_task_received(**_: Any) -> None:
        heartbeat.message_received()

    def on_shutting_down(**_: Any) -> None:
        shutting_down.set()

    task_received.connect(on_task_received, weak=False)
    worker_shutting_down.connect(on_shutting_down, weak=False)
    alive = Path(name) if name else None
    arguments = (heartbeat, worker, shutting_down, alive, stop_grace)
    threading.Thread(target=_watch_loop, args=arguments, name="liveness", daemon=True).start()


def _watch_loop(
    heartbeat: ConsumerHeartbeat, worker: str, shutting_down: threading.Event, alive: Path | None, stop_grace: float
) -> None:
    while not heartbeat.is_stalled(waiting := publishing.count_waiting_messages()):
        _touch_file(alive)
        # Received messages that no process has begun count too: processes may die as soon as they are started.
        if shutting_down.is_set() or heartbeat.is_idle(waiting + len(reserved_requests), len(active_requests)):
            heartbeats.remove_worker(worker)
        else:
            heartbeats.send_heartbeat(worker)
        _wait(shutting_down)
    heartbeats.remove_worker(worker)
    log.critical("messages wait and this worker receives none; it ends itself so that it is restarted")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(stop_grace)
    os._exit(EXIT_STATUS)


def _wait(shutting_down: threading.Event) -> None:
    if shutting_down.is_set():
        time.sleep(CHECK_SECONDS)
    else:
        shutting_down.wait(CHECK_SECONDS)  # so that the heartbeat is removed at once


def _touch_file(alive: Path | None) -> None:
    try:
        if alive is not None:
            alive.touch()
    except OSError as error:  # the disk may be full; the watch must continue
        log.warning("%s cannot be touched: %s", alive, error)
