"""A batch once more by another model: the stored bytes are shared, the first results stay."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.storage import default_storage

from screening.batches import comparison, reruns
from screening.batches import services as batches
from screening.batches.progress import progress_of
from screening.errors import ScreeningError
from screening.intake.services import add_file
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts
from screening.models import Batch, Film, ModelVersion
from screening.worker import leases
from screening.worker.chunk import process_films

State = Film.State


@pytest.fixture(autouse=True)
def nothing_published() -> Any:
    with patch("screening.publishing._send_chunks") as sent:
        yield sent


@pytest.fixture
def other(model_version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.exclude(pk=model_version.pk).get()


@pytest.fixture
def screened(batch: Batch, png: bytes, jpeg: bytes) -> Batch:
    """Two screened films and a refused file."""
    for name, data in (("a.png", png), ("b.jpg", jpeg), ("c.txt", b"no film")):
        add_file(batch=batch, name=name, data=data)
    return finish(batches.submit_batch(batch=batch))


def finish(batch: Batch) -> Batch:
    process_films(leases.claim_films(list(batch.films.values_list("pk", flat=True))))
    assert progress_of(batch).state == "done"
    return batch


def test_every_stored_film_is_screened_again_and_nothing_is_stored_twice(
    screened: Batch, other: ModelVersion, django_capture_on_commit_callbacks: Any, nothing_published: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        again = reruns.rerun_batch(batch=screened, model=other, owner=screened.owner)
    assert nothing_published.called
    assert list(again.films.values_list("original_name", "state")) == [("a.png", "queued"), ("b.jpg", "queued")]
    finish(again)
    for film in again.films.all():
        assert film.predictions.get().model == other
        assert film.pictured
        assert not default_storage.exists(f"films/{film.pk.hex[:2]}/{film.pk.hex}/original")
    assert list(find_violations(CheckedCounts(), settled=True)) == []
    assert screened.films.filter(state=State.DONE).count() == 2


def test_the_comparison_counts_flips_and_moves(screened: Batch, other: ModelVersion) -> None:
    again = finish(reruns.rerun_batch(batch=screened, model=other, owner=screened.owner))
    first, second = again.films.order_by("original_name")
    Film.objects.filter(batch=screened).exclude(state=State.REJECTED).update(score=0.5, decision="uncertain")
    Film.objects.filter(pk=first.pk).update(score=0.9, decision="positive")
    Film.objects.filter(pk=second.pk).update(score=0.4, decision="uncertain")
    found = comparison.compare_models(again)
    assert (found.films, found.flipped) == (2, 1)
    assert found.table == ((0, 0, 0), (0, 1, 1), (0, 0, 0))
    assert found.moved == pytest.approx((0.25, 0.37, 0.4))
    moved = list(comparison.largest_score_changes(again))
    assert [(film.pk, film.before, round(film.change, 6)) for film in moved] == [  # type: ignore[attr-defined]
        (first.pk, 0.5, 0.4), (second.pk, 0.5, -0.1),
    ]  # fmt: skip
    assert list(comparison.largest_score_changes(again, flips_only=True)) == [first]


def test_a_rerun_of_a_rerun_reads_the_first_films_bytes(screened: Batch, other: ModelVersion) -> None:
    again = finish(reruns.rerun_batch(batch=screened, model=other, owner=screened.owner))
    back = finish(reruns.rerun_batch(batch=again, model=screened.model, owner=screened.owner))
    sources = set(back.films.values_list("source_id", flat=True))
    assert sources == set(screened.films.filter(stored=True).values_list("pk", flat=True))
    assert dict(back.films.values_list("sha256", "score")) == dict(
        screened.films.filter(stored=True).values_list("sha256", "score")
    )


def test_what_cannot_be_run_again_says_why(screened: Batch, other: ModelVersion, png: bytes, settings: Any) -> None:
    with pytest.raises(ScreeningError, match="same_model"):
        reruns.rerun_batch(batch=screened, model=screened.model, owner=screened.owner)
    running = batches.create_batch(owner=screened.owner, name="running")
    add_file(batch=running, name="a.png", data=png)
    with pytest.raises(ScreeningError, match="batch_unfinished"):
        reruns.rerun_batch(batch=running, model=other, owner=screened.owner)
    batches.cancel_batch(batch=batches.create_batch(owner=screened.owner, name="empty"))
    with pytest.raises(ScreeningError, match="batch_empty"):
        reruns.rerun_batch(batch=Batch.objects.get(name="empty"), model=other, owner=screened.owner)
    settings.QUOTA_FILES = 4
    with pytest.raises(ScreeningError, match="quota_files"):
        reruns.rerun_batch(batch=screened, model=other, owner=screened.owner)
    settings.QUOTA_FILES = 100
    reruns.rerun_batch(batch=screened, model=other, owner=screened.owner)
    with pytest.raises(ScreeningError, match="rerun_exists"):
        reruns.rerun_batch(batch=screened, model=other, owner=screened.owner)
    assert Batch.objects.filter(rerun_of=screened).count() == 1
