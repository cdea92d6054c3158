"""Which workers take work at this moment: each says so in the broker every few seconds.

The entries are in one sorted set, by the time of the broker's own clock, so that machines need not agree on theirs.
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

KEY = "screening.workers"
VALID_SECONDS = 7  # a worker that said nothing for so long takes no work; more than two of its beats may be lost
BROKER_ERRORS = (RedisError, OSError)
ANSWER_SECONDS = 2


def beat(worker: str) -> None:
    """Say that a worker takes work. A broker that does not take this counts the worker as gone, which it is."""
    try:
        now = _now()
        with broker().pipeline() as pipeline:
            pipeline.zadd(KEY, {worker: now})
            pipeline.zremrangebyscore(KEY, "-inf", now - 10 * VALID_SECONDS)
            pipeline.execute()
    except BROKER_ERRORS as error:
        log.debug("no heartbeat: %s", error)


def leave(worker: str) -> None:
    """Say that a worker takes no work any more."""
    try:
        broker().zrem(KEY, worker)
    except BROKER_ERRORS as error:
        log.debug("no heartbeat: %s", error)


def working() -> int:
    """How many workers take work.

    Raises:
        RedisError, OSError: when the broker does not answer, or takes no writes.
    """
    broker().ping()  # refused by a server whose disk is full
    now = _now()
    return int(broker().zcount(KEY, now - VALID_SECONDS, now + VALID_SECONDS))


@cache
def broker() -> Redis:
    """A client that gives up soon: who asks wants an answer, not patience."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        # Once more over a new connection: the pooled one may be of a server that was started again since.
        retry=Retry(NoBackoff(), 1, supported_errors=(BrokenConnectionError,)),
    )


def _now() -> float:
    seconds, microseconds = broker().time()
    return float(seconds) + float(microseconds) / 1e6
