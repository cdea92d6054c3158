"""The pages of a re-run: access and content."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from screening.models import Batch, Film, ModelVersion
from tests.dashboard.conftest import MakeFilms, page_text


def other_model(batch: Batch) -> ModelVersion:
    return ModelVersion.objects.exclude(pk=batch.model_id).get()


def finished_rerun(batch: Batch, films: list[Film]) -> Batch:
    """A re-run by hand: the first film's decision changed, the others' scores stayed."""
    again = Batch.objects.create(
        owner=batch.owner, name="again", model=other_model(batch), rerun_of=batch, submitted_at=timezone.now()
    )
    for number, film in enumerate(films):
        Film.objects.create(
            batch=again, source=film, original_name=film.original_name, sha256=film.sha256, bytes=film.bytes,
            state="done", score=0.9 if number else 0.1, decision="positive" if number else "negative",
            finished_at=timezone.now(),
        )  # fmt: skip
    return again


def test_the_owner_runs_a_finished_batch_again(as_owner: Client, batch: Batch, make_films: MakeFilms) -> None:
    films = make_films(3)
    page = as_owner.get(batch.get_absolute_url())
    other = other_model(batch)
    assert page.context["other_models"] == [other.name]
    answer = as_owner.post(reverse("batch-rerun", args=[batch.pk]), {"model": other.name})
    again = Batch.objects.get(rerun_of=batch)
    assert answer.headers["Location"] == again.get_absolute_url()
    assert again.films.count() == len(films)
    assert as_owner.get(batch.get_absolute_url()).context["other_models"] == []


def test_a_run_that_was_cancelled_can_be_made_again(as_owner: Client, batch: Batch, make_films: MakeFilms) -> None:
    make_films(1)
    other = other_model(batch)
    as_owner.post(reverse("batch-rerun", args=[batch.pk]), {"model": other.name})
    as_owner.post(reverse("batch-cancel", args=[Batch.objects.get(rerun_of=batch).pk]))
    assert as_owner.get(batch.get_absolute_url()).context["other_models"] == [other.name]


def test_the_comparison_says_how_many_decisions_changed(
    as_owner: Client, batch: Batch, make_films: MakeFilms, django_assert_num_queries: object
) -> None:
    again = finished_rerun(batch, make_films(3))
    text = page_text(as_owner.get(reverse("batch-compare", args=[again.pk])))
    assert "1 of 3 decisions changed" in text
    assert "−0.800" in text or "-0.800" in text
    flips = as_owner.get(reverse("batch-compare", args=[again.pk]), {"flips": "1"})
    assert [film.original_name for film in flips.context["page"]] == ["film-0000.png"]


def test_a_batch_that_runs_nothing_again_has_no_comparison(as_owner: Client, batch: Batch) -> None:
    assert as_owner.get(reverse("batch-compare", args=[batch.pk])).status_code == 404


def test_strangers_neither_run_nor_compare(
    as_stranger: Client, stranger: User, batch: Batch, make_films: MakeFilms
) -> None:
    again = finished_rerun(batch, make_films(1))
    assert as_stranger.get(reverse("batch-compare", args=[again.pk])).status_code == 404
    asked = as_stranger.post(reverse("batch-rerun", args=[batch.pk]), {"model": again.model.name})
    assert asked.status_code == 404
    assert Batch.objects.filter(owner=stranger).count() == 0
