from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from screening import publishing
from screening.batches import services as batches
from screening.config.celery import app
from screening.errors import ScreeningError
from screening.intake import persist
from screening.intake.services import add_file, add_upload
from screening.models import Batch, Film, ModelVersion
from tests.screening.factories import film

Captured = Callable[..., Any]


@pytest.fixture(autouse=True)
def published() -> Any:
    """What would go to the broker."""
    with patch.object(app, "send_task") as sent:
        yield sent


def test_a_film_is_queued_with_its_bytes_stored(batch: Batch, png: bytes) -> None:
    film, new = add_file(batch=batch, name="a.png", data=png)
    assert new
    assert (film.state, film.kind, film.width, film.height) == ("queued", "png", 256, 256)
    assert film.synthetic
    assert film.bytes == len(png)
    with default_storage.open(film.storage_name("original")) as file:
        kept = file.read()
    assert len(kept) == film.kept_bytes
    assert kept != png  # the phantom's text chunks are gone, see film.receipt
    assert np.array_equal(np.asarray(Image.open(BytesIO(kept))), np.asarray(Image.open(BytesIO(png))))


def test_the_row_names_what_was_removed_and_groups_by_pseudonym(batch: Batch, dicom: bytes, settings: Any) -> None:
    film, _ = add_file(batch=batch, name="a.dcm", data=dicom)
    assert any("replaced by a pseudonym" in name for name in film.receipt)
    assert film.study.startswith("2.25.")
    settings.PSEUDONYM_KEY = "another"
    other = batches.create_batch(owner=batch.owner, name="other")
    assert add_file(batch=other, name="a.dcm", data=dicom)[0].study != film.study


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_file"), (b"hello", "unsupported_kind"), (b"\x89PNG\r\n\x1a\nrest", "damaged_header")],
)
def test_a_bad_file_is_rejected_with_a_reason_and_keeps_no_bytes(batch: Batch, data: bytes, code: str) -> None:
    film, _ = add_file(batch=batch, name="a.png", data=data)
    assert (film.state, film.code, film.step) == ("rejected", code, "intake")
    assert film.reason.endswith(".")
    assert film.finished_at is not None
    assert not default_storage.exists(film.storage_name("original"))


def test_a_file_over_the_limit_is_known_again_by_its_digest(batch: Batch, png: bytes, settings: Any) -> None:
    settings.MAX_FILE_BYTES = 100
    film, _ = add_upload(batch=batch, file=SimpleUploadedFile("a.png", png))
    assert (film.state, film.code, film.bytes) == ("rejected", "file_too_large", len(png))
    assert f"{len(png):,} bytes" in film.reason
    assert film.sha256 == hashlib.sha256(png).hexdigest()
    assert add_upload(batch=batch, file=SimpleUploadedFile("a.png", png)) == (film, False)


def test_a_retry_returns_the_film_it_already_is(batch: Batch, png: bytes) -> None:
    first, _ = add_file(batch=batch, name="a.png", data=png)
    again, new = add_file(batch=batch, name="a.png", data=png)
    assert not new
    assert again.pk == first.pk
    rejected, _ = add_file(batch=batch, name="b.png", data=b"no")
    assert add_file(batch=batch, name="b.png", data=b"no") == (rejected, False)
    assert batch.films.count() == 2


def test_the_same_bytes_under_another_name_are_a_duplicate_that_says_of_what(batch: Batch, png: bytes) -> None:
    add_file(batch=batch, name="a.png", data=png)
    twin, new = add_file(batch=batch, name="b.png", data=png)
    assert new
    assert (twin.state, twin.code) == ("rejected", "duplicate")
    assert "a.png" in twin.reason


def test_a_race_of_equal_files_leaves_one_film_and_no_orphan_bytes(batch: Batch, png: bytes) -> None:
    first, _ = add_file(batch=batch, name="a.png", data=png)
    # The second request looked for a twin just before the first one's row was there.
    with patch.object(persist, "find_twin", side_effect=[None, first]):
        twin, new = add_file(batch=batch, name="b.png", data=png)
    assert (twin.code, new) == ("duplicate", True)
    assert not default_storage.exists(twin.storage_name("original"))
    assert batch.films.filter(state=Film.State.QUEUED).count() == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/a\x00\nb.png", "etc/a��b.png"),
        ("C:\\films\\.\\a.png", "C:/films/a.png"),
        ("/a//b.png ", "a/b.png"),
        ("../", "unnamed"),
        ("long/" * 60 + "a.png", ("long/" * 60 + "a.png")[-255:]),
    ],
)
def test_names_keep_their_folders_but_lead_nowhere(batch: Batch, png: bytes, sent: str, shown: str) -> None:
    film, _ = add_file(batch=batch, name=sent, data=png)
    assert film.original_name == shown
    assert film.storage_name("original") == f"films/{film.pk.hex[:2]}/{film.pk.hex}/original"


def test_submitting_publishes_chunks_after_commit(
    batch: Batch, png: bytes, jpeg: bytes, published: Any, django_capture_on_commit_callbacks: Captured, settings: Any
) -> None:
    settings.CHUNK_FILMS = 1
    add_file(batch=batch, name="a.png", data=png)
    add_file(batch=batch, name="b.jpg", data=jpeg)
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        batches.submit_batch(batch=batch)
    assert not published.called
    for callback in callbacks:
        callback()
    assert [len(call.kwargs["args"][0]) for call in published.call_args_list] == [1, 1]
    assert {call.kwargs["queue"] for call in published.call_args_list} == {"small"}


def test_a_chunk_is_bounded_by_pixels_as_well(batch: Batch, settings: Any, published: Any) -> None:
    settings.CHUNK_MEGAPIXELS, settings.CHUNK_FILMS = 10, 3
    megapixels = (1, 4, 6, 20, 1, 1, 1, 1)
    films = [film(batch, number, width=1000, height=1000 * size) for number, size in enumerate(megapixels)]
    publishing.publish_films([one.pk for one in films], queue="bulk")
    sizes = {str(one.pk): size for one, size in zip(films, megapixels, strict=True)}
    chunks = [[sizes[pk] for pk in call.kwargs["args"][0]] for call in published.call_args_list]
    assert chunks == [[1, 4], [6], [20], [1, 1, 1], [1]]


def test_chunks_get_smaller_towards_the_end(batch: Batch, settings: Any, published: Any) -> None:
    settings.CUT_FOR_PROCESSES = 2
    films = [film(batch, number, width=100, height=100) for number in range(150)]
    publishing.publish_films([one.pk for one in films], queue="bulk")
    sizes = [len(call.kwargs["args"][0]) for call in published.call_args_list]
    assert sizes == [32, 29, 22, 16, 12, 9, 8, 8, 8, 6]
    published.reset_mock()
    publishing.publish_films([one.pk for one in films[:20]], queue="small")
    assert [len(call.kwargs["args"][0]) for call in published.call_args_list] == [8, 8, 4]


def test_large_batches_go_to_the_other_queue(
    batch: Batch, png: bytes, published: Any, django_capture_on_commit_callbacks: Captured, settings: Any
) -> None:
    settings.SMALL_BATCH_FILMS = 0
    add_file(batch=batch, name="a.png", data=png)
    with django_capture_on_commit_callbacks(execute=True):
        batches.submit_batch(batch=batch)
    assert published.call_args.kwargs["queue"] == "bulk"


def test_a_broker_that_is_away_does_not_fail_the_submission(
    batch: Batch, png: bytes, published: Any, django_capture_on_commit_callbacks: Captured
) -> None:
    published.side_effect = ConnectionRefusedError()
    film, _ = add_file(batch=batch, name="a.png", data=png)
    with django_capture_on_commit_callbacks(execute=True):
        assert batches.submit_batch(batch=batch).submitted_at
    film.refresh_from_db()
    assert film.state == "queued"


def test_submitting_twice_publishes_once(
    batch: Batch, png: bytes, published: Any, django_capture_on_commit_callbacks: Captured
) -> None:
    add_file(batch=batch, name="a.png", data=png)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            batches.submit_batch(batch=batch)
    assert published.call_count == 1


def test_a_submitted_or_cancelled_batch_takes_no_more(batch: Batch, png: bytes, jpeg: bytes) -> None:
    add_file(batch=batch, name="a.png", data=png)
    batches.submit_batch(batch=batch)
    with pytest.raises(ScreeningError, match="batch_submitted"):
        add_file(batch=batch, name="b.jpg", data=jpeg)
    batches.cancel_batch(batch=batch)
    with pytest.raises(ScreeningError, match="batch_cancelled"):
        add_file(batch=batch, name="b.jpg", data=jpeg)
    with pytest.raises(ScreeningError, match="batch_cancelled"):
        batches.submit_batch(batch=batch)


def test_a_submission_during_an_upload_leaves_no_orphan_bytes(
    batch: Batch, png: bytes, jpeg: bytes, settings: Any
) -> None:
    add_file(batch=batch, name="a.png", data=png)
    seen_open = Batch.objects.get(pk=batch.pk)
    batches.submit_batch(batch=batch)
    with pytest.raises(ScreeningError, match="batch_submitted"):
        add_file(batch=seen_open, name="b.jpg", data=jpeg)
    assert batch.films.count() == 1
    assert len([path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]) == 1


def test_an_empty_batch_is_not_submitted(batch: Batch) -> None:
    with pytest.raises(ScreeningError, match="batch_empty"):
        batches.submit_batch(batch=batch)


def test_cancelling_ends_what_waits_and_nothing_else(batch: Batch, png: bytes, jpeg: bytes) -> None:
    waiting, _ = add_file(batch=batch, name="a.png", data=png)
    rejected, _ = add_file(batch=batch, name="b.png", data=b"no")
    batches.cancel_batch(batch=batch)
    waiting.refresh_from_db()
    rejected.refresh_from_db()
    assert (waiting.state, waiting.code) == ("cancelled", "batch_cancelled")
    assert rejected.state == "rejected"


@pytest.mark.parametrize(
    ("name", "code"), [("", "name_missing"), ("  ", "name_missing"), ("x" * 121, "name_too_long")]
)
def test_a_batch_needs_a_name_of_a_fair_length(
    owner: User, model_version: ModelVersion, name: str, code: str
) -> None:
    with pytest.raises(ScreeningError, match=code):
        batches.create_batch(owner=owner, name=name)


def test_without_a_model_no_batch(owner: User) -> None:
    with pytest.raises(ScreeningError, match="no_model"):
        batches.create_batch(owner=owner, name="x")
