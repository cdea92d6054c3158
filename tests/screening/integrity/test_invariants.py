"""Every violation is planted once in an otherwise sound system, and must be the only one reported."""

from __future__ import annotations

import io
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from screening.accounts import quotas
from screening.batches.progress import Progress, progress_of
from screening.integrity import checks as integrity_checks
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts, snapshot
from screening.models import Batch, Film, ModelVersion, Prediction
from screening.worker import leases
from tests.screening.factories import PICTURES, film

NOW = timezone.now()
REFUSED = {"code": "damaged_pixels", "reason": "It is damaged.", "finished_at": NOW}
NOT_SCORED = {"score": None, "decision": "", "pictured": False, "mapped": False}


def store(one: Film, part: str, data: bytes) -> str:
    return default_storage.save(one.storage_name(part), ContentFile(data))


def age(name: str, by: timedelta) -> None:
    when = time.time() - by.total_seconds()
    os.utime(default_storage.path(name), (when, when))


def set_raw(one: Film, **fields: Any) -> None:
    """Change a row as only a mistake could: the checks of the database are put away first."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for constraint in ("done_has_a_score", "running_has_a_lease", "refusal_has_a_reason"):
            cursor.execute(f"ALTER TABLE screening_xray DROP CONSTRAINT {constraint}")
    Film.objects.filter(pk=one.pk).update(**fields)


def codes(**options: Any) -> list[str]:
    quotas.recount_usage()
    return [violation.code for violation in find_violations(CheckedCounts(), **options)]


@pytest.fixture
def owner(db: None) -> User:
    """Without a password, whose hashing would take most of the time here."""
    return User.objects.create_user("owner")


@pytest.fixture
def model_version(db: None) -> ModelVersion:
    return ModelVersion.objects.create(name="model", digest="0" * 64, card={}, is_default=True)


@pytest.fixture
def submitted(batch: Batch) -> Batch:
    Batch.objects.filter(pk=batch.pk).update(submitted_at=NOW)
    batch.refresh_from_db()
    return batch


@pytest.fixture
def done(submitted: Batch) -> Film:
    """A screened film with all it has."""
    one = film(
        submitted, 1, kept_bytes=8, state="done", score=0.25, decision="negative", attempts=1, finished_at=NOW,
        pictured=True, mapped=True,
    )  # fmt: skip
    store(one, "original", b"original")
    leases.store_pictures(one, PICTURES, overlay=b"map")
    Prediction.objects.create(film=one, model=submitted.model, score=0.25, decision="negative", seconds=0.1)
    return one


@pytest.fixture
def waiting(submitted: Batch) -> Film:
    one = film(submitted, 2, kept_bytes=8)
    store(one, "original", b"original")
    return one


@pytest.fixture
def sound(submitted: Batch, done: Film, waiting: Film) -> Batch:
    """A batch with a film in every state and nothing wrong."""
    running = film(submitted, 3, kept_bytes=8, state="running", attempts=1, lease_until=NOW)
    failed = film(submitted, 4, kept_bytes=8, state="failed", **REFUSED)
    for one in (running, failed):
        store(one, "original", b"original")
    store(running, "display.jpg", b"of an attempt under way")
    film(submitted, 5, state="rejected", stored=False, **REFUSED)
    quotas.recount_usage()
    return submitted


def test_a_sound_system_has_no_violation(sound: Batch) -> None:
    tally = CheckedCounts()
    assert list(find_violations(tally)) == []
    assert (tally.batches, tally.films, tally.files, tally.young_orphans) == (1, 5, 8, 0)


def test_settled_names_every_film_that_is_not_final(sound: Batch) -> None:
    assert codes(settled=True) == ["not_settled", "not_settled"]
    Batch.objects.update(submitted_at=None)
    Film.objects.filter(state="running").update(state="queued", lease_until=None)
    assert codes(settled=True) == []
    Batch.objects.update(cancelled_at=NOW)
    assert codes(settled=True) == ["not_settled", "not_settled"]


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("state_unknown", {"state": "lost", "finished_at": None, **NOT_SCORED}),
        ("lease_without_work", {"lease_until": NOW}),
        ("final_without_end", {"finished_at": None}),
        ("done_without_score", {"score": None}),
        ("done_without_decision", {"decision": "perhaps"}),
        ("reason_without_refusal", {"code": "damaged_pixels"}),
        ("score_differs", {"score": 0.75}),
        ("score_differs", {"decision": "positive"}),
        ("score_without_done", {"state": "failed", **REFUSED, **NOT_SCORED, "score": 0.25}),
        ("score_without_done", {"state": "failed", **REFUSED, **NOT_SCORED, "decision": "negative"}),
        ("prediction_without_done", {"state": "failed", **REFUSED, **NOT_SCORED}),
        ("end_without_reason", {"state": "failed", **REFUSED, **NOT_SCORED, "code": ""}),
        ("end_without_reason", {"state": "rejected", **REFUSED, **NOT_SCORED, "reason": ""}),
        ("end_without_reason", {"state": "cancelled", **REFUSED, **NOT_SCORED, "code": "", "reason": ""}),
        ("accepted_not_stored", {"stored": False}),
        ("size_differs", {"kept_bytes": 9}),
    ],
)
def test_a_broken_final_film_is_reported(done: Film, code: str, fields: dict[str, Any]) -> None:
    set_raw(done, **fields)
    assert code in codes()


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("lease_without_work", {"lease_until": NOW}),
        ("end_without_final", {"finished_at": NOW}),
        ("running_without_lease", {"state": "running", "attempts": 1}),
        ("running_without_attempt", {"state": "running", "lease_until": NOW}),
        ("score_without_done", {"score": 0.5}),
        ("size_differs", {"kept_bytes": 7}),
    ],
)
def test_a_broken_waiting_film_is_reported_alone(waiting: Film, code: str, fields: dict[str, Any]) -> None:
    assert codes() == []
    set_raw(waiting, **fields)
    assert codes() == [code]


def test_a_film_at_work_in_an_open_batch_is_reported(waiting: Film) -> None:
    Film.objects.update(state="running", attempts=1, lease_until=NOW)
    Batch.objects.update(submitted_at=None)
    assert codes() == ["running_unsubmitted"]


def test_a_done_film_needs_the_prediction_of_its_batchs_model(done: Film) -> None:
    other = ModelVersion.objects.create(name="other", digest="1" * 64, card={})
    Prediction.objects.update(model=other)
    assert codes() == ["done_without_prediction"]
    Prediction.objects.create(film=done, model=done.batch.model, score=0.25, decision="negative", seconds=0.1)
    assert codes() == []  # what another model said of it is nobody's fault


def test_two_predictions_of_one_model_are_reported(done: Film) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE screening_prediction DROP CONSTRAINT one_prediction_a_model")
    Prediction.objects.create(film=done, model=done.batch.model, score=0.25, decision="negative", seconds=0.1)
    assert codes() == ["predicted_twice"]


def test_films_nobody_can_count_are_reported(done: Film) -> None:
    set_raw(done, decision="perhaps")
    assert "counts_differ" in codes()


def test_counts_that_differ_from_the_rows_are_reported(sound: Batch) -> None:
    told = progress_of(sound)
    wrong = Progress(told.total, {**told.states, "done": 2}, told.decisions, 0, "running", 1.0)
    with patch("screening.integrity.counts.progress_of", return_value=wrong):
        assert codes() == ["counts_differ"]


@pytest.mark.parametrize("part", ["original", "display.jpg", "thumb.jpg", "map.png"])
def test_a_row_without_its_file_is_reported(done: Film, part: str) -> None:
    quotas.recount_usage()
    default_storage.delete(done.storage_name(part))
    (found,) = find_violations(CheckedCounts())
    assert (found.code, found.subject) == ("file_missing", done.storage_name(part))


ORPHANS = [
    "films/ab/ab0000000000000000000000000000ff/original",  # an upload that was interrupted
    "films/ab/cd0000000000000000000000000000ff/original",  # under another film's digits
    "films/ab/stray",
    "films/stray",
    "films/elsewhere/deep/stray",
    "films/ab/not-a-key/original",
]


@pytest.mark.parametrize("name", ORPHANS)
def test_an_old_file_without_a_row_is_reported_and_removed_on_demand(done: Film, name: str) -> None:
    default_storage.save(name, ContentFile(b"x"))
    assert codes() == []
    age(name, timedelta(minutes=59))
    assert codes() == []
    age(name, timedelta(minutes=61))
    (found,) = find_violations(CheckedCounts())
    assert (found.code, found.subject) == ("orphan_file", name)
    assert "1 removed" in run("--delete-orphans")
    assert not default_storage.exists(name)
    assert codes(grace=timedelta(0)) == []


@pytest.mark.parametrize("part", ["display_x7Yz1aB.jpg", "again", "sub/original"])
def test_a_file_its_film_does_not_promise_is_an_orphan(done: Film, part: str) -> None:
    name = store(done, part, b"x")
    assert codes(grace=timedelta(0)) == ["orphan_file"]
    run("--delete-orphans", "--grace", "0")
    assert not default_storage.exists(name)
    assert default_storage.exists(done.storage_name("original"))


def test_pictures_of_an_attempt_that_failed_in_the_end_are_orphans(waiting: Film) -> None:
    store(waiting, "thumb.jpg", b"x")
    assert codes(grace=timedelta(0)) == []
    Film.objects.update(state="failed", **REFUSED)
    assert codes(grace=timedelta(0)) == ["orphan_file"]


def test_a_file_that_gets_its_row_meanwhile_is_kept(done: Film) -> None:
    name = done.storage_name("original")
    assert not integrity_checks.delete_orphan(name)
    with patch.object(integrity_checks, "_rows_of", return_value=([], {})):
        assert codes(grace=timedelta(0)) == []
    assert default_storage.exists(name)


def test_orphans_are_not_deleted_when_there_is_no_film_at_all(db: None) -> None:
    default_storage.save(ORPHANS[0], ContentFile(b"x"))
    with pytest.raises(CommandError, match="wrong database"):
        run("--delete-orphans", "--grace", "0")
    assert default_storage.exists(ORPHANS[0])


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("check_invariants", *options, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_line_a_violation_and_ends_with_one(sound: Batch, capsys: Any) -> None:
    assert "5 films in 1 batches, 8 files: 0 violations" in run()
    out = io.StringIO()
    with pytest.raises(CommandError) as ended:
        call_command("check_invariants", "--settled", stdout=out)
    assert ended.value.returncode == 1
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["not_settled", "not_settled", "5"]


def test_programs_get_json_lines(sound: Batch) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("check_invariants", "--settled", "--json", stdout=out)
    *found, summary = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [set(one) for one in found] == [{"code", "subject", "sentence"}] * 2
    assert (summary["violations"], summary["films"], summary["young_orphans"]) == (2, 5, 0)


def test_the_check_changes_nothing(sound: Batch, tmp_path: Path) -> None:
    def everything() -> list[Any]:
        files = sorted((str(path), path.stat().st_mtime) for path in tmp_path.rglob("*"))
        return [list(Film.objects.order_by("pk").values()), list(Prediction.objects.values()), files]

    before = everything()
    codes(settled=True, grace=timedelta(0))
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_every_read_is_one_snapshot_that_cannot_write(django_assert_num_queries: Any) -> None:
    with snapshot(), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("on",)


def test_the_cost_grows_with_shards_not_with_films(done: Film, django_assert_max_num_queries: Any) -> None:
    for number in range(10, 60):
        one = film(done.batch, number, kept_bytes=8, pk=UUID(int=(7 << 120) + number))
        store(one, "original", b"original")
    with django_assert_max_num_queries(4 * 2 + 10):  # savepoint, films, predictions, release for each shard
        assert codes() == []
