"""Signal handlers that end the program in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from screening.runtime.supervisor import Supervisor

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A person or the system asked the program to end."""


@contextmanager
def interrupt_on_signals(supervisor: Supervisor) -> Iterator[None]:
    """Raise Interrupted in the main thread on a signal that ends programs.

    Once the supervisor is stopping, a further signal makes it kill instead of wait. In another thread
    than the main one this does nothing, because only the main thread can have signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: object) -> None:
        if supervisor.stopping:
            supervisor.kill_now()
            return
        raise Interrupted(number)

    previous = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    for number, handler in previous.items():
        if not (number == signal.SIGHUP and handler == signal.SIG_IGN):  # nohup asked for that
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
