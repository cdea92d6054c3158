"""Which files a batch has already: asked before an upload is taken up again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from screening.batches import services as batches
from screening.errors import ScreeningError
from screening.intake.requests import MAX_HASHES, missing_digests
from screening.models import Batch, Film
from tests.screening.factories import film

ROOT = "/api/v1"


def digests(*numbers: int) -> list[str]:
    """As the factory's films have them."""
    return [f"{number:064x}" for number in numbers]


def ask(api: APIClient, batch: Batch, body: Any) -> Any:
    return api.post(f"{ROOT}/batches/{batch.pk}/missing", body, format="json")


@pytest.mark.parametrize("state", Film.State.values)
def test_a_file_is_there_in_whatever_state_it_is(batch: Batch, state: str) -> None:
    fields = {"code": "some_code", "score": 0.5, "lease_until": "2026-01-01T00:00Z"}
    film(batch, 1, state=state, **fields)
    assert missing_digests(batch, digests(3, 1, 2)) == digests(3, 2)


def test_each_is_named_once_in_the_order_asked(batch: Batch) -> None:
    assert missing_digests(batch, digests(2, 1, 2, 1)) == digests(2, 1)
    assert missing_digests(batch, []) == []


def test_another_batch_does_not_count(batch: Batch, api: APIClient) -> None:
    other = batches.create_batch(owner=batch.owner, name="Ward 4")
    film(other, 1)
    assert ask(api, batch, {"sha256": digests(1)}).json() == {"missing": digests(1)}
    assert ask(api, other, {"sha256": digests(1)}).json() == {"missing": []}


def test_the_digest_is_of_the_file_as_it_was_sent(batch: Batch, api: APIClient, dicom: bytes) -> None:
    """The door takes out what identifies a person, so that the stored bytes are others."""
    api.post(f"{ROOT}/batches/{batch.pk}/files", {"file": SimpleUploadedFile("a.dcm", dicom)})
    assert ask(api, batch, {"sha256": [hashlib.sha256(dicom).hexdigest()]}).json() == {"missing": []}


@pytest.mark.parametrize("most", [MAX_HASHES, MAX_HASHES + 1])
def test_one_question_names_so_many(batch: Batch, api: APIClient, most: int) -> None:
    film(batch, 5)
    answer = ask(api, batch, {"sha256": digests(*range(most))})
    if most == MAX_HASHES:
        assert len(answer.json()["missing"]) == most - 1
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "too_many_hashes")
        assert "1,000" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [[], {}, {"sha256": None}, {"sha256": "a" * 64}, {"sha256": ["a" * 63]}, {"sha256": ["A" * 64]},
     {"sha256": [7]}, {"sha256": ["a" * 64 + "\n"]}, {"sha256": ["g" * 64]}],
)  # fmt: skip
def test_what_is_no_digest_is_refused(batch: Batch, api: APIClient, body: Any) -> None:
    answer = ask(api, batch, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "hashes_invalid")
    assert "64 hexadecimal digits" in answer.json()["detail"]
    with pytest.raises(ScreeningError, match="hashes_invalid"):
        missing_digests(batch, body.get("sha256") if isinstance(body, dict) else None)


def test_a_question_costs_one_query(batch: Batch, django_assert_num_queries: Any) -> None:
    for number in range(20):
        film(batch, number)
    with django_assert_num_queries(1):
        assert missing_digests(batch, digests(*range(500))) == digests(*range(20, 500))


def test_a_strangers_batch_looks_missing(batch: Batch, stranger: User, api: APIClient) -> None:
    api.force_authenticate(stranger)
    answer = ask(api, batch, {"sha256": []})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_it_is_closed_without_credentials(batch: Batch) -> None:
    assert ask(APIClient(), batch, {"sha256": []}).status_code == 401


def test_the_schema_describes_it(api: APIClient) -> None:
    schema = json.loads(api.get(f"{ROOT}/schema", {"format": "json"}).content)
    asked = schema["paths"][f"{ROOT}/batches/{{id}}/missing"]["post"]
    named = asked["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    field = schema["components"]["schemas"][named]["properties"]["sha256"]
    assert (field["maxItems"], field["items"]["pattern"]) == (MAX_HASHES, "^[0-9a-f]{64}$")
    upload = schema["components"]["schemas"]["Files"]["properties"]
    assert {"file", "path"} <= set(upload)


def test_a_program_sends_a_folder_with_its_paths(batch: Batch, api: APIClient, png: bytes, jpeg: bytes) -> None:
    files = [SimpleUploadedFile("a.png", png), SimpleUploadedFile("a.png", jpeg)]
    answer = api.post(f"{ROOT}/batches/{batch.pk}/files", {"file": files, "path": ["ward/1/a.png", "ward/2/a.png"]})
    assert [row["file"] for row in answer.json()] == ["ward/1/a.png", "ward/2/a.png"]
    unequal = api.post(f"{ROOT}/batches/{batch.pk}/files", {"file": SimpleUploadedFile("b", png), "path": ["a", "b"]})
    assert (unequal.status_code, unequal.json()["code"]) == (400, "paths_unequal")


def test_too_many_files_at_once_are_refused_in_the_form_of_the_interface(
    batch: Batch, api: APIClient, png: bytes, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{number}.png", png) for number in range(3)]
    answer = api.post(f"{ROOT}/batches/{batch.pk}/files", {"file": files})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_files")
    assert batch.films.count() == 0
