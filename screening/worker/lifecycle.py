"""Start of a worker: memory limit, loading of the network, liveness watch. Imported by the tasks."""

from __future__ import annotations

import os
from typing import Any

from celery.signals import worker_process_init, worker_ready
from django.conf import settings

from screening.config.limits import time_limits
from screening.config.memory import bound
from screening.worker import chunk, liveness


@worker_process_init.connect
def prepare_process(**_: Any) -> None:
    """Limit this process's memory, and load the network while the first messages arrive."""
    bound(settings.WORKER_MEMORY_MB)
    chunk.load_network()


@worker_ready.connect
def watch_worker(sender: Any, **_: Any) -> None:
    """Start the watch over this worker, see :mod:`screening.worker.liveness`."""
    times = time_limits(settings.CHUNK_SECONDS)
    liveness.start_watch(float(times.lease), f"{sender.hostname}/{os.getpid()}", float(times.stop))
