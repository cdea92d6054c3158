"""The Celery application. The rows of PostgreSQL are the queue; Celery carries ids."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# Before NumPy is imported: each worker process has one core, so no library may start a thread for every core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Django's checks import every page and form. The web process runs them; without them a worker starts sooner.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import beat_init, task_prerun, worker_init, worker_ready
from django.conf import settings
from django.db import close_old_connections

from screening.config import capacity
from screening.config.cores import count_cores
from screening.config.environment import setting_errors_explained
from screening.config.limits import time_limits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")

# Celery warns about pickled messages when run as root; our messages are JSON. _log_capacity logs one line instead.
warnings.filterwarnings("ignore", category=SecurityWarning)

SMALL, BULK = "small", "bulk"

with setting_errors_explained():
    _limits = time_limits(settings.CHUNK_SECONDS)

app = Celery("screening", amqp="screening.config.broker:JitteredAMQP")
app.conf.update(
    broker_url=settings.REDIS_URL,
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=settings.WORKER_PROCESSES,
    task_soft_time_limit=_limits.soft,
    task_time_limit=_limits.hard,
    # On a stop, chunks get time to finish; the films of a killed chunk are queued again when their lease expires.
    worker_soft_shutdown_timeout=float(_limits.soft),
    task_default_queue=BULK,
    broker_transport_options={
        "visibility_timeout": _limits.visibility,
        # The queue "small" is read first, so that a batch of 5,000 films does not delay a batch of 3.
        "queue_order_strategy": "priority",
        # With these timeouts a frozen broker is treated like an unreachable one.
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # no limit; the pauses are in config/broker.py
    # Few retries: the sweep publishes a film again if its message is lost.
    task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_max": 0.5},
    worker_hijack_root_logger=False,
    beat_scheduler="screening.config.clock:SteadyScheduler",
    beat_schedule={
        "sweep": {
            "task": "screening.tasks.sweep",
            "schedule": float(settings.SWEEP_SECONDS),
            "options": {"queue": SMALL},
        }
    },
)
# Celery would close the database's connection after each task, and a new one costs 10 ms of both sides' processors.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks(["screening"])


@worker_init.connect
def _log_capacity(**_: Any) -> None:
    """Log the number of processes and the reason; warn if their memory limits do not fit together."""
    log = logging.getLogger(__name__)
    found = (settings.WORKER_PROCESSES, settings.WORKER_MEMORY_MB, count_cores(), capacity.available_memory())
    log.info(capacity.describe_capacity(*found))
    if os.geteuid() == 0:
        log.info("this worker runs as root; an ordinary user is safer, since films come from outside")
    if warning := capacity.capacity_warning(*found):
        log.warning(warning)


@task_prerun.connect
def _renew_connections(**_: Any) -> None:
    """Close database connections that are broken or older than a minute, as Django does before a request."""
    close_old_connections()


@worker_ready.connect
@beat_init.connect
def _mark_ready(**_: Any) -> None:
    """Create the file that tells the supervisor that this process is ready."""
    if name := os.environ.get("SCREENING_READY_FILE"):
        Path(name).touch()
