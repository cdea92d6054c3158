"""Reports of a batch and of a film: content, access, and notes on what is left out."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from dashboard.views import reports
from screening.models import Batch, Film, Review
from tests.dashboard.conftest import MakeFilms
from tests.screening.factories import done, film


def text_of(client: Client, name: str, pk: object) -> str:
    """A report as it reads, without its tags."""
    answer = client.get(reverse(name, args=[pk]))
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.fixture
def mixed(batch: Batch, make_films: MakeFilms) -> Batch:
    make_films(3, flags=("positive",))
    done(batch, 10, score=0.01, decision="negative", finished_at=None)
    film(batch, 11, state="rejected", code="blank_film", reason="Every pixel is black.", step="gate")
    film(batch, 12, state="rejected", code="blank_film", reason="Every pixel is white.", step="gate")
    film(batch, 13, state="failed", code="damaged_pixels", reason="Cut short.", step="worker", flags=["failed"],
         review_state="pending")  # fmt: skip
    film(batch, 14, state="cancelled")
    batch.refresh_from_db()
    return batch


def test_a_batchs_counts_add_up(as_owner: Client, mixed: Batch) -> None:
    answer = as_owner.get(reverse("batch-report", args=[mixed.pk]))
    assert sum(chip.films for chip in answer.context["states"]) == answer.context["progress"].total == 8
    assert sum(bar.films for bar in answer.context["histogram"].bars) == 4
    text = text_of(as_owner, "batch-report", mixed.pk)
    assert "All 8" in text
    assert "Screened 4" in text
    assert "0.90 to 0.95 3" in text


def test_every_refused_file_is_named_with_code_and_reason(as_owner: Client, mixed: Batch) -> None:
    text = text_of(as_owner, "batch-report", mixed.pk)
    assert "blank_film 2" in text
    for row in (
        "film-11.png Rejected blank_film Every pixel is black.",
        "film-12.png Rejected blank_film Every pixel is white.",
        "film-13.png Failed damaged_pixels Cut short.",
    ):
        assert row in text


def test_flagged_films_have_thumbnail_score_and_review(as_owner: Client, mixed: Batch) -> None:
    flagged = mixed.films.filter(state="done").exclude(flags=[])[0]
    page = as_owner.get(reverse("batch-report", args=[mixed.pk])).content.decode()
    assert reverse("film-thumb", args=[flagged.pk]) in page
    assert 'loading="lazy"' not in page  # a printer does not scroll
    assert "To review" in page
    assert "film-10.png" not in page  # neither flagged nor refused


def test_long_lists_say_how_many_are_left(as_owner: Client, mixed: Batch, monkeypatch: Any) -> None:
    monkeypatch.setattr(reports, "MAX_FLAGGED_SHOWN", 1)
    monkeypatch.setattr(reports, "MAX_REFUSED_SHOWN", 1)
    text = text_of(as_owner, "batch-report", mixed.pk)
    assert "3 more flagged films are not listed here" in text
    assert "2 more files without a result are not listed here" in text
    assert (
        reverse("api:batch-export-csv", args=[mixed.pk])
        in as_owner.get(reverse("batch-report", args=[mixed.pk])).content.decode()
    )


def test_the_model_is_named_to_the_last_digit_with_its_honest_numbers(as_owner: Client, mixed: Batch) -> None:
    text = text_of(as_owner, "batch-report", mixed.pk)
    card = mixed.model.card
    assert mixed.model.digest in text
    assert card["preprocessing"]["version"] in text
    assert f"{card['operating_points']['low']:.3f}" in text
    for row in (card["metrics"], *card["elsewhere"]):
        assert row["name"] in text
        assert f"{row['values']['auroc']['value']:.2f}" in text
    first = text.index(min(card["elsewhere"], key=lambda row: row["values"]["auroc"]["value"])["name"])
    assert first < text.index(card["metrics"]["name"])
    assert "new patients of the training hospitals" in text
    assert "hospitals not trained on" in text
    assert "Known shortcuts" in text


def test_no_figure_comes_from_few_verdicts(as_owner: Client, mixed: Batch, colleague: Any) -> None:
    Film.objects.filter(batch=mixed, decision="positive").update(review_state="confirmed")
    assert "Readers' findings" not in text_of(as_owner, "batch-report", mixed.pk)


def test_figures_come_from_enough_verdicts(as_owner: Client, batch: Batch, make_films: MakeFilms) -> None:
    make_films(25, flags=("positive",))
    Film.objects.filter(batch=batch).update(review_state="confirmed")
    text = text_of(as_owner, "batch-report", batch.pk)
    assert "Positive 25 25 25 1.000 (0.867–1.000)" in text
    assert "Sensitivity and specificity need verdicts on all positive and uncertain films" in text


def test_an_empty_batch_has_a_report(as_owner: Client, batch: Batch) -> None:
    text = text_of(as_owner, "batch-report", batch.pk)
    assert "All 0" in text
    assert "The batch is not finished" in text


def test_a_films_report_tells_everything_known_of_it(as_owner: Client, colleague: Any, film: Film) -> None:
    film.receipt, film.notes, film.stored = ["PatientName", "PatientID"], ["inverted"], True
    film.save()
    Review.objects.create(film=film, reviewer=colleague, verdict="overturned", finding="negative", note="a skin fold",
                          score=0.9, decision="positive")  # fmt: skip
    text = text_of(as_owner, "film-report", film.pk)
    for part in (
        "0.900", "the model's decision is COVID-19", "Black and white are inverted", "colleague", "Overturned",
        "a skin fold", "PatientName, PatientID", film.sha256, film.batch.model.digest,
        "of 100 called positive have it", "Known shortcuts",
    ):  # fmt: skip
        assert part in text, part
    page = as_owner.get(reverse("film-report", args=[film.pk])).content.decode()
    assert reverse("film-display", args=[film.pk]) in page


def test_a_hidden_gold_case_does_not_show(as_owner: Client, colleague: Any, film: Film) -> None:
    Review.objects.create(film=film, reviewer=colleague, verdict="confirmed", gold=True, note="secret")
    assert "secret" not in text_of(as_owner, "film-report", film.pk)


@pytest.mark.parametrize("state", ["queued", "rejected"])
def test_a_film_without_result_has_a_report(as_owner: Client, batch: Batch, state: str) -> None:
    code = "blank_film" if state == "rejected" else ""
    row = film(batch, 1, state=state, code=code, reason="Every pixel is black." if code else "")
    text = text_of(as_owner, "film-report", row.pk)
    assert ("Every pixel is black." if code else "waiting for a worker") in text


@pytest.mark.parametrize("name", ["batch-report", "film-report"])
def test_strangers_see_no_report(as_stranger: Client, film: Film, name: str) -> None:
    pk = film.batch_id if name == "batch-report" else film.pk
    assert as_stranger.get(reverse(name, args=[pk])).status_code == 404


@pytest.mark.parametrize("name", ["batch-report", "film-report"])
def test_the_notice_is_on_it_and_the_policy_holds(as_owner: Client, film: Film, name: str) -> None:
    pk = film.batch_id if name == "batch-report" else film.pk
    answer = as_owner.get(reverse(name, args=[pk]))
    page = answer.content.decode()
    assert settings.NOTICE in unescape(page)
    assert not re.search(r"<style|style=|<script|onclick", page)


def test_the_batchs_page_links_to_its_report(as_owner: Client, mixed: Batch) -> None:
    page = as_owner.get(mixed.get_absolute_url()).content.decode()
    assert reverse("batch-report", args=[mixed.pk]) in page


def test_negative_films_flagged_by_a_note_have_a_row_of_their_own(as_owner: Client, batch: Batch) -> None:
    for number in range(25):
        done(batch, number, 0.01, "negative", flags=["sampled"], review_state="confirmed")
    for number in range(25, 28):
        done(batch, number, 0.01, "negative", flags=["note"], notes=["gate_unsure"], review_state="overturned")
    done(batch, 28, 0.9, "positive", flags=["positive", "note"], review_state="confirmed")
    text = text_of(as_owner, "batch-report", batch.pk)
    assert re.search(r"Negative\s+25 25 0 ", text)
    assert re.search(r"Negative flagged by a note\s+3 3 3 ", text)
