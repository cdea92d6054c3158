"""How long pages take with few and with very many films: ``python -m tests.benchmarks.lists [--json] [FEW MANY]``.

Every page is asked for in one process, from the request to the last byte of the answer; the fastest of some visits
counts, after one that does not. Before each size the tables are empty.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.plan import Plan
from tests.benchmarks.project import project
from tests.benchmarks.report import LONG_LIST, Row, table

if TYPE_CHECKING:
    from django.test import Client

    from screening.models import Batch

INSTANCE = Path("var/bench-lists")
SECTION = "pages of long lists"
VISITS = 9
ROUNDS = 2  # in which few and many take turns; this machine may have other things to do
FILMS_A_PAGE = 60
# Pages that by their nature do more for more films; each is told beside its figures.
WITHOUT_GOAL = {
    "batch, a page in the middle": "the films before it are passed over",
    "report of the batch": "lists up to 500 flagged films and up to 5,000 refused files",
    "comparison": "joins the films of both batches",
    "comparison, flips": "as above",
    "reading room: my figures": "goes over all verdicts of the reader",
}


@dataclass(frozen=True)
class Site:
    """A filled database and a browser that is signed in as the owner, who is staff."""

    client: Client
    batch: Batch
    again: Batch
    film: str
    last: int

    def pages(self) -> dict[str, str]:
        """The pages people and programs open."""
        batch, api = f"/batches/{self.batch.pk}", f"/api/v1/batches/{self.batch.pk}"
        return {
            "home": "/",
            "batch": batch,
            "batch, by score": f"{batch}?sort=score",
            "batch, by name": f"{batch}?sort=name",
            "batch, by uncertainty": f"{batch}?sort=uncertainty",
            "batch, one decision": f"{batch}?decision=positive",
            "batch, one bar": f"{batch}?bar=7",
            "batch, refused, as a table": f"{batch}?state=rejected&view=table",
            "batch, the last page": f"{batch}?page={self.last}",
            "batch, the last page by score": f"{batch}?sort=score&page={self.last}",
            "batch, a page in the middle": f"{batch}?page={self.last // 2}",
            "batch: progress, polled": f"{batch}/progress",
            "report of the batch": f"{batch}/report",
            "comparison": f"/batches/{self.again.pk}/compare",
            "comparison, flips": f"/batches/{self.again.pk}/compare?flips=1",
            "film": f"/films/{self.film}",
            "film, by score": f"/films/{self.film}?sort=score",
            "film: report": f"/films/{self.film}/report",
            "reviews": "/reviews",
            "reviews, confirmed": "/reviews?state=confirmed",
            "reading room": "/reading",
            "reading room: my figures": "/reading/me",
            "admin: films": "/admin/screening/film/",
            "admin: films to review": "/admin/screening/film/?review_state__exact=pending",
            "admin: films, flag": "/admin/screening/film/?flag=positive",
            "admin: films, rare flag": "/admin/screening/film/?flag=failed",
            "admin: films, search by name": "/admin/screening/film/?q=film-000777",
            "admin: films, search without a hit": "/admin/screening/film/?q=nothing-like-it",
            "admin: batches": "/admin/screening/batch/",
            "admin: predictions": "/admin/screening/prediction/",
            "admin: reviews": "/admin/screening/review/",
            "admin: reviews, one verdict": "/admin/screening/review/?verdict__exact=overturned",
            "admin: reviews, search by name": "/admin/screening/review/?q=film-000777",
            "admin: gold cases": "/admin/screening/goldcase/",
            "admin: quotas": "/admin/screening/quota/",
            "admin: films of a batch": f"/admin/screening/film/?batch__id__exact={self.batch.pk}",
            "admin: users": "/admin/auth/user/",
            "admin: log": "/admin/admin/logentry/",
            "api: films": f"{api}/films",
            "api: films by score": f"{api}/films?sort=score",
            "api: status": api,
            "api: missing": f"{api}/missing",
        }


def finished(films: int, name: str = "bench") -> Site:
    """A finished batch of this many films and its re-run, with verdicts."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils import timezone

    from screening.models import Batch, ModelVersion
    from tests.screening.many import many_films

    owner, _ = User.objects.get_or_create(username="owner", defaults={"is_staff": True, "is_superuser": True})
    first, second = ModelVersion.objects.order_by("-is_default")[:2]
    now = timezone.now()
    batch = Batch.objects.create(owner=owner, name=name, model=first, submitted_at=now)
    again = Batch.objects.create(owner=owner, name=f"{name} again", model=second, submitted_at=now, rerun_of=batch)
    for one in (batch, again):
        many_films(one, films)
    client = Client()
    client.force_login(owner)
    film = batch.films.filter(decision="positive").order_by("id")[0]
    return Site(client, batch, again, str(film.pk), -(-films // FILMS_A_PAGE))


def fill(films: int) -> Site:
    """The same, and nothing else in the database."""
    from django.db import connection

    from screening.batches import counts_compaction

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE screening_xray, screening_batch, screening_filmcount CASCADE")
    site = finished(films)
    counts_compaction.merge_counts()  # as the sweep does
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as the database does by itself, in a while
    return site


def milliseconds(client: Client, address: str) -> float:
    """The fastest visit of a page."""
    times = []
    for _ in range(VISITS + 1):
        started = time.perf_counter()
        if address.endswith("/missing"):
            response = client.post(address, json.dumps({"sha256": ["0" * 64]}), content_type="application/json")
        else:
            response = client.get(address)
        body = response.getvalue()
        times.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{address}: {response.status_code} {body[:300]!r}")
    return min(times[1:])


def measure(few: int, many: int) -> list[Row]:
    """Every page with both numbers of films, as rows of the benchmarks' table."""
    times: dict[str, dict[int, float]] = {}
    with project(INSTANCE):
        for films in (few, many) * ROUNDS:
            site = fill(films)
            for name, address in site.pages().items():
                took, known = milliseconds(site.client, address), times.setdefault(name, {})
                known[films] = min(took, known.get(films, took))
    return [
        Row(
            SECTION, name, large, "ms", large / small, None if name in WITHOUT_GOAL else LONG_LIST,
            "; ".join(filter(None, (f"{small:.1f} ms with {few:,} films", WITHOUT_GOAL.get(name)))),
        )
        for name, (small, large) in ((name, (took[few], took[many])) for name, took in times.items())
    ]  # fmt: skip


def run(plan: Plan) -> list[Row]:
    """The rows, measured in a process of its own: this one must not get Django's settings."""
    command = [sys.executable, "-m", "tests.benchmarks.lists", "--json", *map(str, plan.lists)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    rows = json.loads(done.stdout)
    return [Row(SECTION, **row, goal=None if row["name"] in WITHOUT_GOAL else LONG_LIST) for row in rows]


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.lists", description=__doc__)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("sizes", nargs="*", type=int, metavar="FILMS", help="of the two batches")
    given = options.parse_args()
    few, many = given.sizes or Plan().lists
    rows = measure(few, many)
    fields = ("name", "value", "unit", "ratio", "note")
    print(json.dumps([{name: getattr(row, name) for name in fields} for row in rows]) if given.json else table(rows))


if __name__ == "__main__":
    main()
