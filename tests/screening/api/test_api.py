from __future__ import annotations

import csv
import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.db.models.functions import Now
from rest_framework.test import APIClient

from ml import note_codes
from screening.accounts.tokens import create_token
from screening.api.urls import urlpatterns
from screening.config.celery import app
from screening.models import ApiToken, Batch
from tests.screening.factories import done, film

ROOT = "/api/v1"
ADDRESSES = [str(address.pattern) for address in urlpatterns]
OF_THE_SCHEMA = ("schema", "")  # these two answer in YAML and HTML, and the schema does not describe itself
DETAILS = ("batches/{batch}", "batches/{batch}/films", "batches/{batch}/export.csv", "batches/{batch}/export.json",
           "films/{film}")  # fmt: skip
ACTIONS = ("files", "submit", "cancel")


@pytest.fixture(autouse=True)
def published() -> Any:
    with patch.object(app, "send_task") as sent:
        yield sent


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_a_program_submits_a_batch_and_polls_it(
    owner: User, model_version: Any, png: bytes, published: Any, django_capture_on_commit_callbacks: Any
) -> None:
    _, key = create_token(user=owner, name="script")
    program = APIClient(headers={"Authorization": f"Token {key}"})
    opened = program.post(f"{ROOT}/batches", {"name": "Ward 3"}, format="json")
    assert opened.status_code == 201
    assert opened.json()["state"] == "open"
    batch = opened.json()["id"]
    sent = program.post(f"{ROOT}/batches/{batch}/files", {"file": [upload("a.png", png), upload("b.txt", b"hello")]})
    assert [(row["file"], row["state"], row["code"]) for row in sent.json()] == [
        ("a.png", "queued", ""),
        ("b.txt", "rejected", "unsupported_kind"),
    ]
    with django_capture_on_commit_callbacks(execute=True):
        status = program.post(f"{ROOT}/batches/{batch}/submit").json()
    assert published.called
    assert status["state"] == "running"
    assert (status["progress"]["total"], status["progress"]["states"]["rejected"]) == (2, 1)
    assert status["notice"] == project.NOTICE
    assert program.get(f"{ROOT}/batches").json()["results"][0]["id"] == batch


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_everything_is_closed_without_credentials(batch: Batch, path: str, method: str) -> None:
    key = film(batch).pk if path.startswith("films/") else batch.pk
    response = APIClient().generic(method, f"{ROOT}/{path.replace('<uuid:pk>', str(key))}")
    assert response.status_code == 401
    if path not in OF_THE_SCHEMA:
        assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("key", ["Token", "Token x", "Token a b", "Bearer x"])
def test_a_wrong_token_says_what_to_do(batch: Batch, key: str) -> None:
    response = APIClient(headers={"Authorization": key}).get(f"{ROOT}/batches")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"


def test_a_token_of_a_user_who_left_opens_nothing(owner: User) -> None:
    _, key = create_token(user=owner, name="script")
    owner.is_active = False
    owner.save()
    response = APIClient(headers={"Authorization": f"Token {key}"}).get(f"{ROOT}/batches")
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")


def test_only_a_digest_of_a_token_is_stored_and_its_use_is_noted(owner: User) -> None:
    token, key = create_token(user=owner, name="script")
    assert key not in str(ApiToken.objects.values().get())
    APIClient(headers={"Authorization": f"Token {key}"}).get(f"{ROOT}/batches")
    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize("path", DETAILS)
def test_a_strangers_batch_looks_missing(batch: Batch, stranger: User, api: APIClient, path: str) -> None:
    address = f"{ROOT}/{path.format(batch=batch.pk, film=film(batch).pk)}"
    assert api.get(address).status_code == 200
    api.force_authenticate(stranger)
    response = api.get(address)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_changes_nothing(batch: Batch, stranger: User, api: APIClient, action: str, png: bytes) -> None:
    film(batch)
    api.force_authenticate(stranger)
    response = api.post(f"{ROOT}/batches/{batch.pk}/{action}", {"file": [upload("a.png", png)]})
    assert response.status_code == 404
    batch.refresh_from_db()
    assert (batch.films.count(), batch.submitted_at, batch.cancelled_at) == (1, None, None)


def test_a_signed_in_browser_needs_its_csrf_token(owner: User, batch: Batch) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.get(f"{ROOT}/batches").status_code == 200
    assert browser.post(f"{ROOT}/batches/{batch.pk}/cancel").status_code == 403


def test_results_are_filtered_sorted_and_paged(api: APIClient, batch: Batch) -> None:
    for number in range(5):
        done(batch, number, score=number / 10, decision="negative" if number < 3 else "uncertain")
    address = f"{ROOT}/batches/{batch.pk}/films"
    page = api.get(address, {"sort": "score", "page_size": "2"}).json()
    assert (page["count"], [row["score"] for row in page["results"]]) == (5, [0.4, 0.3])
    assert [row["score"] for row in api.get(page["next"]).json()["results"]] == [0.2, 0.1]
    assert api.get(address, {"decision": "uncertain"}).json()["count"] == 2
    wrong = api.get(address, {"state": "nowhere"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "filter_unknown")
    assert "queued" in wrong.json()["detail"]


def test_a_page_of_films_costs_the_same_whatever_the_batch(
    api: APIClient, batch: Batch, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        done(batch, number)
    with django_assert_num_queries(3):
        api.get(f"{ROOT}/batches/{batch.pk}/films")


def test_the_csv_holds_every_film_and_the_notice(api: APIClient, batch: Batch) -> None:
    done(batch, 1, flags=["positive"])
    film(batch, 2, state="rejected", code="empty_file", reason="The file is empty.", original_name="=cmd()")
    response = api.get(f"{ROOT}/batches/{batch.pk}/export.csv")
    rows = list(csv.DictReader(io.StringIO(body(response).decode())))
    assert [(row["state"], row["score"], row["code"], row["flags"]) for row in rows] == [
        ("done", "0.9", "", "positive"),
        ("rejected", "", "empty_file", ""),
    ]
    assert {row["notice"] for row in rows} == {project.NOTICE}
    assert {row["model_digest"] for row in rows} == {batch.model.digest}
    assert rows[1]["file"] == "'=cmd()"  # or a spreadsheet would run it


def test_notes_of_intake_and_worker_are_in_answers_and_exports(api: APIClient, batch: Batch) -> None:
    noted = done(batch, 1, intake_notes=["pixels_stretched"], notes=["inverted", "of_another_version"])
    notes = [note_codes.PIXELS_STRETCHED, note_codes.INVERTED]
    expected = [{"code": note.code, "detail": note.sentence} for note in notes]
    assert api.get(f"{ROOT}/batches/{batch.pk}/films").json()["results"][0]["notes"] == expected
    rows = list(csv.DictReader(io.StringIO(body(api.get(f"{ROOT}/batches/{batch.pk}/export.csv")).decode())))
    assert rows[0]["note_codes"] == "pixels_stretched inverted"
    assert rows[0]["notes"] == " ".join(note.sentence for note in notes)
    assert [note.code for note in noted.all_notes] == ["pixels_stretched", "inverted"]


def test_the_json_holds_every_film_and_the_notice(api: APIClient, batch: Batch) -> None:
    for number in range(3):
        done(batch, number)
    export = json.loads(body(api.get(f"{ROOT}/batches/{batch.pk}/export.json")))
    assert (export["name"], export["notice"], len(export["films"])) == ("Ward 3", project.NOTICE, 3)


def test_an_export_reads_any_number_of_films_with_the_same_queries(
    api: APIClient, batch: Batch, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        done(batch, number)
    with django_assert_num_queries(2):
        body(api.get(f"{ROOT}/batches/{batch.pk}/export.csv"))


def test_cancelling_over_the_interface(api: APIClient, batch: Batch) -> None:
    film(batch)
    Batch.objects.update(submitted_at=Now())
    status = api.post(f"{ROOT}/batches/{batch.pk}/cancel").json()
    assert (status["state"], status["progress"]["states"]["cancelled"]) == ("cancelled", 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({}, 400, "invalid"), ({"name": "x", "model": "nobody"}, 400, "model_unknown"), ({"name": " "}, 400, "invalid")],
)
def test_a_wrong_request_says_what_is_wrong(
    api: APIClient, model_version: Any, body: dict[str, str], status: int, code: str
) -> None:
    response = api.post(f"{ROOT}/batches", body, format="json")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"]


def test_a_request_without_a_file_says_so(api: APIClient, batch: Batch) -> None:
    response = api.post(f"{ROOT}/batches/{batch.pk}/files", {})
    assert (response.status_code, response.json()["code"]) == (400, "no_file")


def test_models_come_with_their_card(api: APIClient, batch: Batch) -> None:
    models = api.get(f"{ROOT}/models").json()
    assert [(model["name"], model["is_default"]) for model in models] == [("screener", True), ("seed-cnn", False)]
    assert all(model["card"]["not_for"] for model in models)


def test_the_schema_describes_every_address(api: APIClient, capsys: pytest.CaptureFixture[str]) -> None:
    response = api.get(f"{ROOT}/schema", {"format": "json"})
    paths = json.loads(response.content)["paths"]
    described = {path.removeprefix(f"{ROOT}/") for path in paths}
    assert described == {path.replace("<uuid:pk>", "{id}") for path in ADDRESSES if path not in OF_THE_SCHEMA}
    assert "Error" not in capsys.readouterr().err


def test_the_browsable_page_sends_the_schema_to_no_validator_outside(api: APIClient, owner: User) -> None:
    api.force_login(owner)
    assert '"validatorUrl": null' in api.get(f"{ROOT}/", {"script": ""}).content.decode()


def test_the_browsable_page_brings_no_inline_script(api: APIClient, owner: User) -> None:
    api.force_login(owner)
    page = api.get(f"{ROOT}/").content.decode()
    assert "swagger-ui" in page
    assert "<script>" not in page


def test_a_database_that_is_away_is_said_so_and_worth_another_try(api: APIClient, batch: Batch) -> None:
    with patch("screening.batches.queries.batch_for", side_effect=OperationalError("the connection is lost")):
        answer = api.get(f"/api/v1/batches/{batch.pk}")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "database_away", "5")


def test_an_export_takes_the_filters_of_the_list(api: APIClient, batch: Batch) -> None:
    done(batch, 1, score=0.9, decision="positive")
    done(batch, 2, score=0.1, decision="negative")
    whole = export(api, batch, "json")["films"]
    assert len(whole) == 2
    assert [film["score"] for film in export(api, batch, "json", decision="negative")["films"]] == [0.1]
    assert [film["score"] for film in export(api, batch, "json", bar="18")["films"]] == [0.9]
    assert api.get(f"/api/v1/batches/{batch.pk}/export.csv", {"bar": "99"}).status_code == 400


def export(api: APIClient, batch: Batch, kind: str, **wanted: str) -> Any:
    answer: Any = api.get(f"/api/v1/batches/{batch.pk}/export.{kind}", wanted)
    return json.loads(b"".join(answer.streaming_content))
