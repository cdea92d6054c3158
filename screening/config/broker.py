"""How processes come back to a broker that was away: at different times, and without giving up."""

from __future__ import annotations

import random
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection

LONGEST_WAIT = 15.0  # seconds between two attempts


class JitteredConnection(Connection):
    """Backs off by random steps, so that a hundred workers do not all knock at a restarted broker at once."""

    def ensure_connection(self, *args: Any, **options: Any) -> JitteredConnection:
        """As kombu's, with jitter in the waits."""
        jitter = random.SystemRandom().uniform
        options = {
            "interval_start": jitter(0.2, 1.5),
            "interval_step": jitter(0.5, 2.0),
            "interval_max": LONGEST_WAIT,
        } | options
        super().ensure_connection(*args, **options)
        return self


class JitteredAMQP(AMQP):
    """Celery's message layer on such connections."""

    Connection = JitteredConnection
