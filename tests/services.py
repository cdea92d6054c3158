"""Real servers for the whole test run: PostgreSQL and Valkey, started before Django reads its settings.

Loaded by ``-p tests.services``. Where ``DATABASE_URL`` and ``REDIS_URL`` are set, those servers are used.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from screening.runtime.errors import StartupError
from screening.runtime.stack import services

# Two runs at a time need two folders.
INSTANCE = Path(os.environ.get("TEST_INSTANCE") or Path(__file__).resolve().parents[1] / "var" / "test")
_running = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Wraps the hook in which pytest-django sets Django up, so the addresses are known by then."""
    # What is set outside must not leak into tests that expect the defaults.
    for name in (
        "SCREENING_MODEL", "CHUNK_FILMS", "CHUNK_SECONDS", "DJANGO_DEBUG", "DJANGO_HTTPS",
        "S3_BUCKET", "SERVE_ACCEL_PREFIX", "SERVE_PRESIGNED",
    ):  # fmt: skip
        os.environ.pop(name, None)
    try:
        endpoints = _running.enter_context(services(INSTANCE, fast=True))
    except StartupError as error:
        raise pytest.UsageError(f"The tests' servers do not start: {error}") from error
    for name in ("POSTGRES_HOST", "REDIS_HOST", "DATABASE_URL_FILE", "REDIS_URL_FILE"):  # they are in the addresses
        os.environ.pop(name, None)
    os.environ["DATABASE_URL"] = endpoints.database_url
    os.environ["REDIS_URL"] = endpoints.redis_url
    os.environ["SCREENING_DATA_DIR"] = str(INSTANCE)
    os.environ["FSYNC"] = "0"
    yield


def pytest_unconfigure() -> None:
    """Stop the servers."""
    _running.close()
