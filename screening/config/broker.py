"""Reconnection to the broker: at random times, and without a limit of attempts."""

from __future__ import annotations

import random
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection

MAX_WAIT = 15.0  # seconds between two attempts


class JitteredConnection(Connection):
    """A connection that retries after random pauses, so that workers do not reconnect all at the same moment."""

    def ensure_connection(self, *args: Any, **options: Any) -> JitteredConnection:
        """Connect as kombu does, with random pauses between attempts."""
        jitter = random.SystemRandom().uniform
        options = {
            "interval_start": jitter(0.2, 1.5),
            "interval_step": jitter(0.5, 2.0),
            "interval_max": MAX_WAIT,
        } | options
        super().ensure_connection(*args, **options)
        return self


class JitteredAMQP(AMQP):
    """Celery's message layer with jittered connections."""

    Connection = JitteredConnection
