"""Django on servers of its own, for the benchmarks that need no running system."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from screening.runtime.stack import remove_instance, services


@contextmanager
def project(instance: Path, *, durable: bool = False) -> Iterator[None]:
    """Set Django up on an empty database with the models registered. A process does this once.

    Args:
        instance: folder of the servers' data; what is in it is lost.
        durable: whether the database waits for its disk.
    """
    remove_instance(instance)
    with services(instance, fast=not durable) as endpoints:
        os.environ.update(
            DATABASE_URL=endpoints.database_url,
            REDIS_URL=endpoints.redis_url,
            SCREENING_DATA_DIR=str(instance),
            DJANGO_SETTINGS_MODULE="screening.config.settings",
            DJANGO_ALLOWED_HOSTS="testserver",
            LOG_LEVEL="ERROR",
            FSYNC="0",  # no picture is written here, so there is none to wait for
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("ensure_models", stdout=io.StringIO())
        yield
