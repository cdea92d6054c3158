"""What a worker does when it starts: bound its memory, load the network, watch itself. Imported by the tasks."""

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
    """Bound this process's memory, then load the network beside the first messages, not after them."""
    bound(settings.WORKER_MEMORY_MB)
    chunk.warm_up()


@worker_ready.connect
def watch_worker(sender: Any, **_: Any) -> None:
    """Start the watch over this worker, see :mod:`screening.worker.liveness`."""
    patience = float(time_limits(settings.CHUNK_SECONDS).lease)
    liveness.watch(patience=patience, worker=f"{sender.hostname}/{os.getpid()}")
