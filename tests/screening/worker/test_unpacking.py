from __future__ import annotations

import errno
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now

from ml.phantom.film import PhantomSpec, png_bytes
from screening import tasks
from screening.batches import services as batches
from screening.batches.progress import progress_of
from screening.intake import archive_bytes
from screening.intake import services as intake
from screening.intake.services import add_file, add_upload
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts
from screening.models import Batch, Film, Quota
from screening.worker import leases, unpacking
from screening.worker.sweep import sweep_films
from tests.screening.zips import patched, zip_of

pytestmark = pytest.mark.usefixtures("published", "backlog")

FILMS = [png_bytes(PhantomSpec(height=96, width=96, seed=seed)) for seed in range(6)]
LATER = 3600.0  # seconds; no test takes that long


def sent(batch: Batch, data: bytes, name: str = "study.zip") -> Film:
    """An archive at the door of a batch, which is then submitted."""
    archive, new = add_upload(batch=batch, file=SimpleUploadedFile(name, data))
    assert new
    Batch.objects.filter(pk=batch.pk).update(submitted_at=Now())
    return archive


def of_films(count: int = 4) -> bytes:
    return zip_of({f"{number}.png": FILMS[number] for number in range(count)})


def claimed(archive: Film) -> Film:
    (mine,) = leases.claim_films([archive.pk])
    return mine


def deliver(archive: Film) -> Film:
    """A message with the archive arrives at a worker."""
    tasks.screen_chunk([str(archive.pk)])
    archive.refresh_from_db()
    return archive


def members(archive: Film) -> dict[str, tuple[str, str]]:
    rows = Film.objects.filter(archive=archive).order_by("created_at", "id")
    return {row.original_name: (row.state, row.code) for row in rows}


def assert_sound() -> None:
    """What holds at every moment."""
    assert [str(one) for one in find_violations(CheckedCounts())] == []


def test_every_file_gets_a_row_with_a_state_and_the_archive_goes(batch: Batch, published: Any) -> None:
    inner = zip_of({"d.png": FILMS[3], "deep.zip": zip_of({"e.png": FILMS[4]})})
    data = zip_of(
        [
            ("ward/a.png", FILMS[0]), ("ward/secret.png", FILMS[1]), ("ward/notes.txt", b"no film"),
            ("copy of a.png", FILMS[0]), ("inner.zip", inner), ("../up.png", FILMS[5]), ("z.png", FILMS[2]),
            ("__MACOSX/._a.png", b"x"), (".DS_Store", b"x"),
        ]
    )  # fmt: skip
    archive = sent(batch, patched(data, 1, flags=1))
    charged = Quota.objects.get().used_bytes
    deliver(archive)
    assert members(archive) == {
        "study.zip/ward/a.png": ("queued", ""),
        "study.zip/ward/secret.png": ("rejected", "member_encrypted"),
        "study.zip/ward/notes.txt": ("rejected", "unsupported_kind"),
        "study.zip/copy of a.png": ("rejected", "duplicate"),
        "study.zip/inner.zip/d.png": ("queued", ""),
        "study.zip/inner.zip/deep.zip": ("rejected", "archive_too_deep"),
        "study.zip/up.png": ("rejected", "member_path"),
        "study.zip/z.png": ("queued", ""),
    }
    assert (archive.state, archive.code, archive.step) == ("unpacked", "unpacked", "worker")
    assert archive.reason == (
        "Unpacked: 8 files, 3 taken, 5 refused. Skipped helper files: 1 × .DS_Store, 1 × __MACOSX."
    )
    assert (archive.stored, archive.kept_bytes) == (False, 0)
    assert not default_storage.exists(archive.storage_name("original"))
    kept = sum(Film.objects.filter(stored=True).values_list("kept_bytes", flat=True))
    assert Quota.objects.get().used_bytes == kept < charged + kept
    (ids,), how = published.call_args
    assert set(ids) == set(Film.objects.filter(state="queued").values_list("pk", flat=True))
    assert how == {"queue": "small"}
    assert progress_of(batch).total == 9
    assert_sound()


def test_its_films_are_screened_like_any_other_and_beside_others(batch: Batch) -> None:
    films = [png_bytes(PhantomSpec(height=300, width=300, seed=seed)) for seed in (1, 2, 3)]
    loose, _ = add_file(batch=batch, name="loose.png", data=films[0])
    archive = sent(batch, zip_of({"b.png": films[1], "c.png": films[2]}))
    tasks.screen_chunk([str(loose.pk), str(archive.pk)])
    states = Counter(Film.objects.values_list("state", flat=True))
    assert states == {"done": 1, "unpacked": 1, "queued": 2}
    tasks.screen_chunk([str(pk) for pk in Film.objects.filter(state="queued").values_list("pk", flat=True)])
    assert Counter(Film.objects.values_list("state", flat=True)) == {"done": 3, "unpacked": 1}
    assert [str(one) for one in find_violations(CheckedCounts(), settled=True)] == []


def test_a_message_that_comes_again_does_nothing_more(batch: Batch, published: Any) -> None:
    archive = deliver(sent(batch, of_films()))
    rows, told = list(Film.objects.order_by("pk").values()), published.call_count
    deliver(archive)
    assert (list(Film.objects.order_by("pk").values()), published.call_count) == (rows, told)


def test_the_same_archive_sent_again_is_the_row_it_has(batch: Batch) -> None:
    file = SimpleUploadedFile("study.zip", of_films())
    first, _ = add_upload(batch=batch, file=file)
    again, new = add_upload(batch=batch, file=file)
    assert (again.pk, new) == (first.pk, False)


def test_a_slice_goes_on_where_the_last_one_stopped(batch: Batch, published: Any) -> None:
    archive = sent(batch, zip_of({"a.png": FILMS[0], "in.zip": of_films(4), "bad.txt": b"x", "z.png": FILMS[5]}))
    seen = []
    for _ in range(6):
        unpacking.unpack_archive(claimed(archive), deadline=0.0)
        archive.refresh_from_db()
        seen.append((archive.state, archive.attempts, len(members(archive))))
        if archive.state == "queued":
            published.assert_called_with([archive.pk], queue="bulk", alone=True)
        assert_sound()
    # The last file is in the sixth slice, and that it was the last is seen in the seventh.
    assert seen == [("queued", 0, number + 1) for number in range(6)]
    assert deliver(archive).state == "unpacked"
    names = ["a.png", "in.zip/0.png", "in.zip/1.png", "in.zip/2.png", "in.zip/3.png", "bad.txt", "z.png"]
    assert list(members(archive)) == [f"study.zip/{name}" for name in names]


def test_a_cancelled_batch_ends_its_archive_and_what_was_added(batch: Batch) -> None:
    archive = sent(batch, of_films())
    mine = claimed(archive)
    real = intake.add_member

    def cancelled_after_two(**given: Any) -> Any:
        added = real(**given)
        if Film.objects.filter(archive=archive).count() == 2:
            batches.cancel_batch(batch=Batch.objects.get(pk=batch.pk))
        return added

    with patch.object(intake, "add_member", cancelled_after_two):
        unpacking.unpack_archive(mine, LATER + time.monotonic())
    archive.refresh_from_db()
    assert (archive.state, archive.code, archive.stored) == ("cancelled", "batch_cancelled", False)
    assert "2 files, 2 taken, 0 refused" in archive.reason
    assert Counter(Film.objects.values_list("state", flat=True)) == {"cancelled": 3}
    assert [str(one) for one in find_violations(CheckedCounts(), settled=True)] == []


def test_a_worker_whose_lease_ran_out_adds_and_ends_nothing(batch: Batch) -> None:
    archive = sent(batch, of_films())
    frozen = claimed(archive)
    Film.objects.filter(pk=archive.pk).update(lease_until=Now())
    sweep_films()
    current = claimed(archive)
    unpacking.unpack_archive(frozen, LATER + time.monotonic())
    assert members(archive) == {}
    archive.refresh_from_db()
    assert (archive.state, archive.lease_until) == ("running", current.lease_until)
    unpacking.unpack_archive(current, LATER + time.monotonic())
    assert len(members(archive)) == 4
    assert_sound()


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_worker_that_dies_costs_an_attempt_only_if_it_added_nothing(batch: Batch, dies_at: int) -> None:
    """It dies at every file, or at every second one; a lost worker is seen by its lease."""
    archive = sent(batch, of_films(6))
    real, calls = intake.add_member, 0

    def dying(**given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % dies_at == 0:
            raise SystemExit
        return real(**given)

    deaths = 0
    with patch.object(intake, "add_member", dying):
        while archive.state == "queued":
            try:
                unpacking.unpack_archive(claimed(archive), LATER + time.monotonic())
            except SystemExit:
                deaths += 1
                Film.objects.filter(pk=archive.pk).update(lease_until=Now())
                sweep_films()
            archive.refresh_from_db()
            assert_sound()
    expected = ("failed", "worker_lost", 0, 3) if dies_at == 1 else ("unpacked", "unpacked", 6, 5)
    assert (archive.state, archive.code, len(members(archive)), deaths) == expected


def test_bytes_that_a_worker_died_before_deleting_go_when_its_message_comes_again(batch: Batch) -> None:
    archive = sent(batch, of_films())
    with patch.object(archive_bytes, "delete_released_bytes", side_effect=SystemExit), pytest.raises(SystemExit):
        deliver(archive)
    archive.refresh_from_db()
    assert (archive.state, archive.stored) == ("unpacked", False)
    assert default_storage.exists(archive.storage_name("original"))
    deliver(archive)
    assert not default_storage.exists(archive.storage_name("original"))
    assert archive.kept_bytes == 0
    assert_sound()


def test_a_full_disk_is_no_fault_of_the_archive(batch: Batch) -> None:
    archive = sent(batch, of_films())
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("screening.intake.persist.default_storage.save", side_effect=full):
        for _ in range(4):
            deliver(archive)
            assert (archive.state, archive.attempts, members(archive)) == ("queued", 0, {})
    assert deliver(archive).state == "unpacked"
    assert_sound()


def test_a_file_that_the_quota_has_no_room_for_is_refused_with_that_reason(batch: Batch) -> None:
    archive = sent(batch, of_films())
    Quota.objects.update(most_bytes=Quota.objects.get().used_bytes + len(FILMS[0]) + 10)
    deliver(archive)
    assert list(members(archive).values()) == [("queued", ""), *[("rejected", "quota_bytes")] * 3]
    assert archive.state == "unpacked"
    assert_sound()


def test_an_archive_with_more_files_than_the_user_may_have_ends_with_what_fitted(batch: Batch) -> None:
    archive = sent(batch, of_films())
    Quota.objects.update(most_files=3)
    deliver(archive)
    assert (archive.state, archive.code, archive.stored) == ("rejected", "quota_files", False)
    assert archive.reason.endswith("Before that: Unpacked: 2 files, 2 taken, 0 refused.")
    assert list(members(archive).values()) == [("queued", "")] * 2
    assert_sound()


def test_an_archive_that_is_damaged_in_the_storage_is_rejected_with_its_reason(batch: Batch) -> None:
    archive = sent(batch, of_films())
    path = Path(default_storage.path(archive.storage_name("original")))
    path.write_bytes(path.read_bytes()[:-10])
    deliver(archive)
    assert (archive.state, archive.code, archive.stored) == ("rejected", "archive_damaged", False)
    assert members(archive) == {}
    assert not path.exists()


def test_an_archive_that_is_not_there_is_tried_three_times(batch: Batch) -> None:
    archive = sent(batch, of_films())
    default_storage.delete(archive.storage_name("original"))
    for _ in range(3):
        deliver(archive)
    assert (archive.state, archive.code, archive.attempts) == ("failed", "worker_error", 3)


def test_an_archive_waits_where_films_have_used_up_the_time(batch: Batch, published: Any) -> None:
    archive = sent(batch, of_films())
    with patch("screening.worker.chunk.time") as clock:  # the worker's alone: other threads look at the time as well
        clock.monotonic.side_effect = [0.0, 1e9]
        deliver(archive)
    assert (archive.state, archive.attempts, members(archive)) == ("queued", 0, {})
    published.assert_called_once_with([archive.pk], queue="bulk", alone=True)


def test_films_of_a_large_archive_are_published_while_it_is_unpacked(
    batch: Batch, published: Any, settings: Any
) -> None:
    settings.CHUNK_FILMS, settings.CUT_FOR_PROCESSES, settings.SMALL_BATCH_FILMS = 1, 1, 3
    deliver(sent(batch, of_films(5)))
    assert [(len(call.args[0]), call.kwargs["queue"]) for call in published.call_args_list] == [
        (2, "small"), (2, "bulk"), (1, "bulk"),
    ]  # fmt: skip
    assert not Film.objects.filter(state="queued", published_at=None).exists()


def test_long_and_strange_names_fit_into_rows_and_stay_apart(batch: Batch) -> None:
    files = {f"{'folder/' * 40}{number}/{'ü' * 190}.png": FILMS[number] for number in range(4)}
    archive = sent(batch, zip_of({**files, "a\r\n\x1b[31m.png": FILMS[4]}), name=f"{'study ' * 30}.zip")
    for _ in range(6):
        unpacking.unpack_archive(claimed(archive), deadline=0.0)
        archive.refresh_from_db()
        if archive.state != "queued":
            break
    names = list(members(archive))
    assert len(names) == 5
    assert all(len(name) <= 255 and name.isprintable() for name in names)
    assert archive.state == "unpacked"
