"""Archives are stored as they were sent: nothing of them may stay when they are final."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.utils import timezone
from PIL import Image, PngImagePlugin

from screening import tasks
from screening.batches import services as batches
from screening.errors import ScreeningError
from screening.intake import archive_bytes
from screening.intake.services import add_upload
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts
from screening.models import Batch, Film, PendingArchive, Quota
from screening.worker.sweep import sweep_films

pytestmark = [pytest.mark.usefixtures("published", "backlog"), pytest.mark.django_db(transaction=True)]

MARK = b"Erika-Mustermann-1964"


def marked_archive() -> bytes:
    """An archive with a name in the text of a picture, in the name of a file, in comments and in extra fields."""
    text, picture, out = PngImagePlugin.PngInfo(), BytesIO(), BytesIO()
    text.add_text("Patient", MARK.decode())
    noise = Image.effect_noise((96, 96), 40)
    noise.save(picture, "PNG", pnginfo=text)
    with ZipFile(out, "w") as archive:
        archive.comment = MARK
        archive.writestr(f"{MARK.decode()}/film.png", picture.getvalue())
        archive.infolist()[0].comment = MARK
    return out.getvalue()


def places_of_mark() -> list[str]:
    """The files in the storage and the spool in which the mark is found."""
    roots = [Path(settings.MEDIA_ROOT), Path(settings.UPLOAD_SPOOL)]
    files = [path for root in roots if root.exists() for path in root.rglob("*") if path.is_file()]
    return [str(path) for path in files if MARK in path.read_bytes()]


def violations(**options: Any) -> list[str]:
    return [violation.code for violation in find_violations(CheckedCounts(), **options)]


@pytest.fixture
def archive(batch: Batch, settings: Any, tmp_path: Path) -> Film:
    settings.UPLOAD_SPOOL = tmp_path / "spool"
    film, _ = add_upload(batch=batch, file=SimpleUploadedFile("study.zip", marked_archive()))
    assert places_of_mark(), "it waits as it was sent"
    return film


def submit(archive: Film) -> None:
    Batch.objects.filter(pk=archive.batch_id).update(submitted_at=Now())


def assert_nothing_is_kept(archive: Film) -> None:
    archive.refresh_from_db()
    assert archive.state in Film.FINAL_STATES
    assert (archive.stored, archive.kept_bytes) == (False, 0)
    assert places_of_mark() == []
    kept = sum(Film.objects.filter(stored=True).values_list("kept_bytes", flat=True))
    assert Quota.objects.get().used_bytes == kept
    assert violations(settled=True, grace=timedelta(0)) == []


@pytest.mark.parametrize("is_submitted", [False, True])
def test_a_cancelled_archive_is_deleted(archive: Film, is_submitted: bool) -> None:
    if is_submitted:
        submit(archive)
    batches.cancel_batch(batch=Batch.objects.get(pk=archive.batch_id))
    assert_nothing_is_kept(archive)


def test_an_unpacked_archive_is_deleted_and_its_films_are_clean(archive: Film) -> None:
    submit(archive)
    tasks.screen_chunk([str(archive.pk)])
    assert Film.objects.filter(archive=archive, state="queued").count() == 1
    batches.cancel_batch(batch=Batch.objects.get(pk=archive.batch_id))
    assert_nothing_is_kept(archive)


def test_a_failed_archive_is_deleted(archive: Film) -> None:
    submit(archive)
    with patch("screening.intake.zip.archive.iter_members", side_effect=ValueError("a fault")):
        for _ in range(3):
            tasks.screen_chunk([str(archive.pk)])
    assert_nothing_is_kept(archive)
    assert archive.state == "failed"


def test_an_archive_whose_worker_died_each_time_is_deleted_by_the_sweep(archive: Film) -> None:
    submit(archive)
    Film.objects.filter(pk=archive.pk).update(state="running", attempts=3, lease_until=Now())
    sweep_films()
    assert_nothing_is_kept(archive)
    assert archive.code == "worker_lost"


@pytest.mark.parametrize("step", ["before the row", "before the bytes"])
def test_what_a_killed_process_left_is_deleted_by_the_sweep(archive: Film, step: str) -> None:
    target = "release_final_archives" if step == "before the row" else "delete_released_bytes"
    with patch.object(archive_bytes, target):
        batches.cancel_batch(batch=Batch.objects.get(pk=archive.batch_id))
    assert places_of_mark()
    expected = {"before the row": ["archive_kept"], "before the bytes": ["orphan_file"]}
    assert violations(grace=timedelta(0)) == expected[step]
    assert violations() == [], "a process that is at it gets an hour"
    sweep_films()
    assert_nothing_is_kept(archive)


def test_bytes_whose_process_died_before_their_row_are_deleted_by_the_sweep(batch: Batch) -> None:
    with patch("screening.intake.persist.insert_row", side_effect=SystemExit), pytest.raises(SystemExit):
        add_upload(batch=batch, file=SimpleUploadedFile("study.zip", marked_archive()))
    assert not Film.objects.exists()
    assert places_of_mark()
    sweep_films()
    assert places_of_mark(), "it may be stored at this moment"
    PendingArchive.objects.update(created_at=timezone.now() - timedelta(hours=3))
    sweep_films()
    assert places_of_mark() == []
    assert not PendingArchive.objects.exists()


def test_an_archive_with_a_row_is_no_longer_pending(batch: Batch, archive: Film) -> None:
    assert not PendingArchive.objects.exists()
    PendingArchive.objects.create(film_id=archive.pk, created_at=timezone.now() - timedelta(hours=3))
    sweep_films()
    assert not PendingArchive.objects.exists()
    assert default_storage.exists(archive.storage_name("original"))
    with patch("screening.intake.persist.default_storage.save", side_effect=OSError), pytest.raises(ScreeningError):
        add_upload(
            batch=batch, file=SimpleUploadedFile("other.zip", b"".join([marked_archive()[: -len(MARK)], MARK[::-1]]))
        )
    assert not PendingArchive.objects.exists()


def test_bytes_that_cannot_be_deleted_now_are_deleted_later(archive: Film) -> None:
    with patch.object(default_storage, "delete", side_effect=OSError("read-only")):
        batches.cancel_batch(batch=Batch.objects.get(pk=archive.batch_id))
        sweep_films()
    archive.refresh_from_db()
    assert archive.state == "cancelled"
    assert places_of_mark()
    sweep_films()
    assert_nothing_is_kept(archive)


def test_archives_of_other_states_and_films_keep_their_bytes(batch: Batch, archive: Film, png: bytes) -> None:
    add_upload(batch=batch, file=SimpleUploadedFile("a.png", png))
    sweep_films()
    archive.refresh_from_db()
    assert (archive.state, archive.stored) == ("queued", True)
    assert default_storage.exists(archive.storage_name("original"))
    batches.cancel_batch(batch=Batch.objects.get(pk=archive.batch_id))
    film = Film.objects.get(original_name="a.png")
    assert (film.state, film.stored) == ("cancelled", True), "a film was cleaned, so it stays"
    assert_nothing_is_kept(archive)
