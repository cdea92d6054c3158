"""The page of a film: its content, who may see it, and the pixel values that it requests from the workers."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.presentation import model_evidence
from dashboard.presentation.prevalence import operating_points_of
from screening.model_versions import card_of
from screening.models import Batch, Film, ModelVersion
from screening.storage import local as storage
from screening.worker import viewer_rendering
from screening.worker.triage import predictive_values_at
from tests.dashboard.conftest import MakeFilms, page_text


@pytest.fixture(autouse=True)
def asked() -> Iterator[Any]:
    """What is asked of the workers goes nowhere."""
    viewer_rendering._requested_at.clear()
    with patch("screening.worker.viewer_rendering.app.send_task") as sent:
        yield sent


def page(client: Client, film: Film, query: str = "") -> str:
    answer = client.get(reverse("film", args=[film.pk]) + query)
    assert answer.status_code == 200
    return page_text(answer)


def update(film: Film, **fields: Any) -> None:
    Film.objects.filter(pk=film.pk).update(**fields)


def body(answer: Any) -> bytes:
    return b"".join(answer)


def test_values_are_asked_for_then_served_compressed(film: Film, as_owner: Client, png: bytes, asked: Any) -> None:
    storage.put_file(film.storage_name("original"), png)
    address = reverse("film-pixels", args=[film.pk])
    waiting = as_owner.get(address)
    assert (waiting.status_code, waiting.headers["Retry-After"], waiting.json()) == (202, "1", {"state": "rendering"})
    assert asked.call_args.kwargs["args"] == [str(film.pk)]
    viewer_rendering.render_film(film.pk)
    answer = as_owner.get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    raw = gzip.decompress(body(answer))
    (length,) = struct.unpack("<I", raw[:4])
    about = json.loads(raw[4 : 4 + length])
    assert (about["width"], about["height"], len(raw)) == (256, 256, 4 + length + 256 * 256)


def test_a_refusal_is_said_to_the_viewer(film: Film, as_owner: Client) -> None:
    storage.put_file(film.storage_name("original"), b"no picture")
    viewer_rendering.render_film(film.pk)
    answer = as_owner.get(reverse("film-pixels", args=[film.pk]), headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "damaged_pixels"
    assert "cannot be decoded" in answer.json()["detail"]


def test_a_storage_that_is_away_is_no_refusal(film: Film, as_owner: Client) -> None:
    with patch("screening.worker.viewer_rendering.default_storage.open", side_effect=ConnectionError):
        answer = as_owner.get(reverse("film-pixels", args=[film.pk]), headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")


def test_values_are_the_owners_and_the_reviewers_alone(
    film: Film, as_owner: Client, as_colleague: Client, as_stranger: Client, client: Client, asked: Any
) -> None:
    address = reverse("film-pixels", args=[film.pk])
    assert as_stranger.get(address).status_code == 404
    assert client.get(address).status_code == 302
    assert as_owner.post(address).status_code == 405
    asked.assert_not_called()
    update(film, pictured=False)
    assert as_owner.get(address).status_code == 404
    update(film, pictured=True)
    assert as_colleague.get(address).status_code == 202


def test_the_viewer_knows_what_to_show(film: Film, as_owner: Client) -> None:
    content = page(as_owner, film)
    assert f'"pixels": "{reverse("film-pixels", args=[film.pk])}"' in content
    assert '"heatmap": null' in content
    assert f'src="{reverse("film-display", args=[film.pk])}"' in content  # also without JavaScript
    update(film, mapped=True)
    assert f'"heatmap": "{reverse("film-map", args=[film.pk])}"' in page(as_owner, film)
    update(film, pictured=False, mapped=False)
    assert "data-viewer" not in page(as_owner, film)


def test_links_lead_on_within_the_filter(make_films: MakeFilms, as_owner: Client) -> None:
    first, other, last = make_films(3)
    update(other, decision="negative", score=0.1)
    query = "?decision=positive&sort=name"
    content = page(as_owner, first, query)
    address = f"{last.get_absolute_url()}?decision=positive&amp;sort=name"
    assert f'rel="next" href="{address}"' in content
    assert 'rel="prev"' not in content
    assert "1 of 2" in content
    assert f'href="{reverse("batch", args=[first.batch_id])}?decision=positive&amp;sort=name#films"' in content
    assert "1 of 3" in page(as_owner, first)
    answer = as_owner.get(first.get_absolute_url() + "?sort=upwards")
    assert answer.status_code == 400
    assert "filter_unknown" in answer.content.decode()


def test_worth_at_the_readers_prevalence(film: Film, as_owner: Client) -> None:
    measured = operating_points_of(card_of(film.batch.model))
    assert measured is not None
    for query, prevalence in (("", 5), ("?prevalence=20", 20), ("?prevalence=nan", 5), ("?prevalence=100", 5)):
        worth = predictive_values_at(measured, prevalence / 100)
        content = page(as_owner, film, query)
        assert worth.ppv is not None
        assert worth.npv is not None
        assert f"data-ppv>{100 * worth.ppv:.1f}".removesuffix(".0") in content
        assert f"data-npv>{100 * worth.npv:.1f}".removesuffix(".0") in content
        assert f'value="{prevalence}"' in content


def test_what_was_not_measured_is_not_shown(film: Film, as_owner: Client, batch: Batch) -> None:
    ModelVersion.objects.filter(pk=batch.model_id).update(card={"name": "bare"})
    content = page(as_owner, film)
    assert "data-worth" not in content
    assert "How far to trust" not in content


def test_the_honesty_panel_names_the_worst_source_and_the_shortcuts(film: Film, as_owner: Client) -> None:
    card = film.batch.model.card
    content = page(as_owner, film)
    worst = min(card["elsewhere"], key=lambda row: row["values"]["auroc"]["value"])
    assert worst["name"] in content
    assert f"All {len(card['elsewhere'])} external data sets" in content
    for sentence in model_evidence.shortcut_sentences(card_of(film.batch.model)):
        assert sentence in content
    assert "lungs blacked out" in content


def test_a_model_without_measured_shortcuts_says_what_is_to_be_feared(model_version: ModelVersion) -> None:
    seed = ModelVersion.objects.get(name="seed-cnn")
    assert model_evidence.shortcut_sentences(card_of(seed)) == seed.card["limits"][:2]


def test_the_receipt_lists_names_only(film: Film, as_owner: Client) -> None:
    assert "The file contained nothing that had to be removed." in page(as_owner, film)
    update(film, receipt=["PatientName", "EXIF <GPS>"], as_sent=True)
    content = page(as_owner, film)
    assert "<li>PatientName</li> <li>EXIF &lt;GPS&gt;</li>" in content
    assert "Text burnt into the pixels is not removed." in content
    assert "also keeps the original file" in content


def test_relatives(make_films: MakeFilms, as_owner: Client, owner: User, batch: Batch) -> None:
    first, second, archive, third = make_films(4)
    for film in (first, second):
        update(film, patient="pseudonym-of-one", archive=archive)
    update(archive, kind="zip", state="unpacked", score=None, decision="", original_name="ward.zip", pictured=False)
    other = Batch.objects.create(owner=owner, name="The same again", model=batch.model)
    update(second, batch=other, sha256=first.sha256, archive=None, patient="")
    update(third, patient="pseudonym-of-one")
    content = page(as_owner, first)
    assert "Same patient in this batch" in content
    assert reverse("film-thumb", args=[third.pk]) in content
    assert "The same file in other batches" in content
    assert "The same again" in content
    assert f'<a href="{archive.get_absolute_url()}">ward.zip</a>' in content
    inside = page(as_owner, archive)
    assert "Contents of the archive" in inside
    assert first.get_absolute_url() in inside


def test_provenance(film: Film, as_owner: Client) -> None:
    content = page(as_owner, film)
    for words in (film.sha256, film.batch.model.digest, "grey8-1", "0.010 s", "512 × 512"):
        assert words in content


def test_the_number_of_queries_is_constant(make_films: MakeFilms, as_colleague: Client) -> None:
    films = make_films(3, flags=("positive",))
    Film.objects.filter(batch=films[0].batch).update(patient="one")
    middle = sorted(films, key=lambda film: film.pk)[1]  # scores are the same; the last film takes one query more
    counts = []
    for _ in range(2):
        for query in ("", "?decision=positive&sort=score", "?sort=name"):
            with CaptureQueriesContext(connection) as queries:
                page(as_colleague, middle, query)
            counts.append(len(queries))
        make_films(40, flags=("positive",))
        Film.objects.filter(batch=films[0].batch).update(patient="one")
    assert counts[:3] == counts[3:]
    assert max(counts) <= 20
