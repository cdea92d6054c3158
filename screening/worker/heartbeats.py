"""Heartbeats of the workers: each worker that accepts messages writes one to the broker every few seconds.

They are entries of one sorted set with times of the broker's own clock, so the machines' clocks may differ.
"""

from __future__ import annotations

import logging
from functools import cache

from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as BrokenConnectionError
from redis.retry import Retry

log = logging.getLogger(__name__)

WORKERS_KEY = "screening.workers"
VALID_SECONDS = 7  # a worker without a heartbeat for longer does not count; two of its heartbeats may be lost
BROKER_ERRORS = (RedisError, OSError)
TIMEOUT_SECONDS = 2


def send_heartbeat(worker: str) -> None:
    """Write a worker's heartbeat. While the broker does not accept it, the worker rightly counts as gone."""
    try:
        now = _broker_time()
        with broker_client().pipeline() as pipeline:
            pipeline.zadd(WORKERS_KEY, {worker: now})
            pipeline.zremrangebyscore(WORKERS_KEY, "-inf", now - 10 * VALID_SECONDS)
            pipeline.execute()
    except BROKER_ERRORS as error:
        log.debug("no heartbeat: %s", error)


def remove_worker(worker: str) -> None:
    """Remove the heartbeat of a worker that accepts no more messages."""
    try:
        broker_client().zrem(WORKERS_KEY, worker)
    except BROKER_ERRORS as error:
        log.debug("no heartbeat: %s", error)


def count_workers() -> int:
    """Return the number of workers that accept messages.

    Raises:
        RedisError: the broker does not answer, or accepts no writes.
        OSError: as above.
    """
    broker_client().ping()  # refused by a server whose disk is full
    now = _broker_time()
    return int(broker_client().zcount(WORKERS_KEY, now - VALID_SECONDS, now + VALID_SECONDS))


@cache
def broker_client() -> Redis:
    """Return a client with short time-outs, so that health checks answer soon."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # One retry over a new connection: the pooled one may belong to a server that was restarted since.
        retry=Retry(NoBackoff(), 1, supported_errors=(BrokenConnectionError,)),
    )


def _broker_time() -> float:
    seconds, microseconds = broker_client().time()
    return float(seconds) + float(microseconds) / 1e6
