"""Whether a worker still takes work. A process that exists may be deaf: connected, and consuming nothing.

Celery has had such defects after its broker came back (celery/celery issues 7276 and 8030 among others), so each
worker watches itself. Alive means that it took a message lately or that none was waiting. A deaf worker ends
itself, for whoever started it to start it again; its films are taken back when their leases run out.
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

from celery.signals import task_received

from screening import publishing

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0  # seconds
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
        self._well = clock()

    def took(self) -> None:
        """A message was taken."""
        self._well = self._clock()

    def deaf(self, waiting: int) -> bool:
        """Whether messages have been waiting for longer than patience allows, none of them taken.

        Args:
            waiting: messages in the broker now; 0 also where it cannot be asked, which is no fault of the worker.
        """
        if not waiting:
            self._well = self._clock()
        return self._clock() - self._well > self._patience


def watch(patience: float) -> None:
    """Watch this worker from a thread, and touch ``SCREENING_ALIVE_FILE`` as long as it hears."""
    ears = Ears(patience)
    name = os.environ.get("SCREENING_ALIVE_FILE")

    def taken(**_: Any) -> None:
        ears.took()

    task_received.connect(taken, weak=False)
    alive = Path(name) if name else None
    threading.Thread(target=_look, args=(ears, alive), name="liveness", daemon=True).start()


def _look(ears: Ears, alive: Path | None) -> None:
    while not ears.deaf(publishing.backlog()):
        if alive is not None:
            alive.touch()
        time.sleep(LOOK_EVERY)
    log.critical("messages wait and this worker takes none; it ends itself to be started again")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_RESORT)
    os._exit(EXIT_STATUS)
