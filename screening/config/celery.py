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
# Django's checks import every page and form; whoever migrates or serves has run them, and a worker starts sooner.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import beat_init, task_prerun, worker_init, worker_ready
from django.conf import settings
from django.db import close_old_connections

from screening.config import capacity
from screening.config.cores import cores
from screening.config.environment import settings_explained
from screening.config.limits import limits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")

# Its ten lines are about messages that run code; ours are JSON. What is left of it is a line of our own.
warnings.filterwarnings("ignore", category=SecurityWarning)

SMALL, BULK = "small", "bulk"

with settings_explained():
    _limits = limits(settings.CHUNK_SECONDS)

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
    # A stop lets chunks finish that can; what is cut off is taken back when its lease runs out.
    worker_soft_shutdown_timeout=float(_limits.soft),
    task_default_queue=BULK,
    broker_transport_options={
        "visibility_timeout": _limits.visibility,
        # Look into "small" first, so that a batch of 5,000 does not hold up a batch of 3.
        "queue_order_strategy": "priority",
        # A broker that is frozen must look like one that is gone.
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # never give up; the pauses are in config/broker.py
    # Publishing gives up soon: a film whose message is lost is published again by the sweep.
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
def _say_capacity(**_: Any) -> None:
    """Log how many processes there are and why, and warn where all of them together do not fit."""
    log = logging.getLogger(__name__)
    found = (settings.WORKER_PROCESSES, settings.WORKER_MEMORY_MB, cores(), capacity.memory())
    log.info(capacity.described(*found))
    if os.geteuid() == 0:
        log.info("this worker runs as root; films come from outside, so an ordinary user is safer")
    if warning := capacity.too_much(*found):
        log.warning(warning)


@task_prerun.connect
def _renew_connections(**_: Any) -> None:
    """As Django does before a request: a connection that is broken or older than a minute is not used again."""
    close_old_connections()


@worker_ready.connect
@beat_init.connect
def _announce(**_: Any) -> None:
    """Leave a file where the supervisor looks for it: the process is ready."""
    if name := os.environ.get("SCREENING_READY_FILE"):
        Path(name).touch()
