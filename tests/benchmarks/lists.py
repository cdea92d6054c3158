"""How long list pages take with 1,000 and with 100,000 films: ``python -m tests.benchmarks.lists``."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from screening.runtime.stack import services

if TYPE_CHECKING:
    from uuid import UUID

    from django.test import Client

    from screening.models import XRay

INSTANCE = Path("var/bench-lists")
SIZES = (1_000, 100_000)
REPEATS = 7


@contextmanager
def project() -> Iterator[None]:
    """Django on servers of its own, with an empty database."""
    with services(INSTANCE, fast=True) as endpoints:
        os.environ.update(
            DATABASE_URL=endpoints.database_url,
            REDIS_URL=endpoints.redis_url,
            SCREENING_DATA_DIR=str(INSTANCE),
            DJANGO_SETTINGS_MODULE="screening.config.settings",
            DJANGO_ALLOWED_HOSTS="testserver",
            LOG_LEVEL="ERROR",
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("flush", interactive=False, verbosity=0)
        call_command("ensure_models", verbosity=0)
        yield


def fill(films: int) -> tuple[Client, str]:
    """A batch of this many screened films, the only one; returns a reviewer's browser and the batch's id."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    from screening.models import Batch, ModelVersion, XRay

    XRay.objects.all().delete()
    user, _ = User.objects.get_or_create(username="reviewer", is_staff=True, is_superuser=True)
    batch = Batch.objects.create(
        owner=user, name="bench", model=ModelVersion.objects.get(is_default=True), submitted_at="2026-01-01T00:00:00Z"
    )
    rng = random.Random(0)
    XRay.objects.bulk_create([_film(batch.pk, number, rng.random()) for number in range(films)], batch_size=5_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(user)
    return client, str(batch.pk)


def _film(batch: UUID, number: int, score: float) -> XRay:
    from screening.models import XRay

    flagged = score > 0.9
    return XRay(
        batch_id=batch,
        original_name=f"film-{number:06}.png",
        sha256=f"{number:064x}",
        bytes=1,
        state="done",
        score=score,
        decision="positive" if flagged else "negative",
        flags=["positive"] if flagged else [],
        review_state="pending" if flagged else "not_needed",
    )


def pages(batch: str) -> dict[str, str]:
    """The lists people open."""
    films = "/admin/screening/xray/"
    return {
        "admin: all films": films,
        "admin: to review": f"{films}?review_state__exact=pending",
        "admin: flag filter": f"{films}?flag=positive",
        "admin: search by name": f"{films}?q=film-000777",
        "batch page": f"/batches/{batch}",
        "batch, by score": f"/batches/{batch}?sort=score",
        "reviews": "/reviews",
        "home": "/",
        "api: films": f"/api/v1/batches/{batch}/films",
        "api: status": f"/api/v1/batches/{batch}",
    }


def milliseconds(client: Client, address: str) -> float:
    """The median time of a page, after one visit that does not count."""
    times = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{address}: {response.status_code}")
    return statistics.median(times[1:])


def main() -> None:
    """The command line."""
    results: dict[str, list[float]] = {}
    with project():
        for size in SIZES:
            client, batch = fill(size)
            for name, address in pages(batch).items():
                results.setdefault(name, []).append(milliseconds(client, address))
    print(f"{'milliseconds a page':24}" + "".join(f"{size:>12,}" for size in SIZES) + f"{'ratio':>8}")
    for name, (small, large) in results.items():
        print(f"{name:24}{small:12.1f}{large:12.1f}{large / small:8.2f}")


if __name__ == "__main__":
    main()
