"""Upload of films, with and without JavaScript."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from screening.models import Batch, Film, ModelVersion

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _broker_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here; what is published is another test's business."""
    monkeypatch.setattr("screening.publishing.publish_batch", lambda batch: None)


def _file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_plain_form_sends_everything_and_shows_what_was_refused(
    as_owner: Client, model_version: ModelVersion, png: bytes, jpeg: bytes, dicom: bytes
) -> None:
    files = [_file("a.png", png), _file("b.jpg", jpeg), _file("c", dicom), _file("broken.png", b"no picture")]
    answer = as_owner.post(reverse("batch-create"), {"name": "Ward 7", "file": files}, follow=True)
    batch = Batch.objects.get(name="Ward 7")
    assert answer.redirect_chain == [(batch.get_absolute_url(), 302)]
    assert batch.submitted_at is not None
    assert sorted(batch.films.values_list("original_name", "state")) == [
        ("a.png", "queued"), ("b.jpg", "queued"), ("broken.png", "rejected"), ("c", "queued"),
    ]  # fmt: skip
    content = answer.content.decode()
    assert "unsupported_kind" in content
    assert batch.films.get(state="rejected").reason in content


@pytest.mark.parametrize(("name", "code"), [("", "name_missing"), ("x" * 121, "name_too_long")])
def test_plain_form_says_what_is_wrong_with_the_name(
    name: str, code: str, as_owner: Client, model_version: ModelVersion, png: bytes
) -> None:
    answer = as_owner.post(reverse("batch-create"), {"name": name, "file": _file("a.png", png)})
    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert not Batch.objects.exists()


def test_plain_form_with_too_many_files_says_so(
    as_owner: Client, model_version: ModelVersion, png: bytes, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [_file(f"{number}.png", png) for number in range(3)]
    answer = as_owner.post(reverse("batch-create"), {"name": "Ward 7", "file": files})
    content = answer.content.decode()
    assert answer.status_code == 400
    assert "too_many_files" in content
    assert "at most 2 files" in content
    assert "as one ZIP" in content
    assert not Batch.objects.exists()
    for_script = as_owner.post(
        reverse("batch-create"),
        {"name": "Ward 7", "file": [_file(f"{number}.png", png) for number in range(3)]},
        headers=JSON,
    )
    assert (for_script.status_code, for_script.json()["code"]) == (400, "too_many_files")


def test_other_requests_that_cannot_be_read_get_the_plain_page(
    as_owner: Client, model_version: ModelVersion, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = as_owner.post(reverse("batch-create"), {"name": "x" * 200})
    assert answer.status_code == 400
    assert "too_many_files" not in answer.content.decode()


def test_nul_in_a_name_does_no_harm(as_owner: Client, model_version: ModelVersion) -> None:
    answer = as_owner.post(reverse("batch-open"), {"name": "Ward\x00 9"}, headers=JSON)
    assert answer.status_code == 201
    assert Batch.objects.get().name == "Ward 9"
    assert as_owner.get("/models/%00").status_code == 404


def test_plain_form_without_a_file_makes_no_batch(as_owner: Client, model_version: ModelVersion) -> None:
    answer = as_owner.post(reverse("batch-create"), {"name": "Ward 7"})
    assert answer.status_code == 400
    assert "no_file" in answer.content.decode()
    assert not Batch.objects.exists()


def test_plain_form_says_which_helper_files_were_skipped(
    as_owner: Client, model_version: ModelVersion, png: bytes
) -> None:
    files = [_file(name, png) for name in ("a.png", "Thumbs.db", ".hidden.png")]
    answer = as_owner.post(reverse("batch-create"), {"name": "Ward 7", "file": files}, follow=True)
    assert "2 files skipped: 1 × Thumbs.db, 1 × hidden." in answer.content.decode()
    assert list(Film.objects.values_list("original_name", flat=True)) == ["a.png"]


def test_plain_form_of_helper_files_only_makes_no_batch(as_owner: Client, model_version: ModelVersion) -> None:
    answer = as_owner.post(reverse("batch-create"), {"name": "Ward 7", "file": _file("desktop.ini", b"x")})
    assert answer.status_code == 400
    assert "Only helper files" in answer.content.decode()
    assert not Batch.objects.exists()


def test_script_is_told_of_a_skipped_file(as_owner: Client, batch: Batch) -> None:
    address = reverse("batch-add", args=[batch.pk])
    fields = {"file": _file("M.jpg", b"preview"), "path": "ward/@eaDir/film.png/M.jpg"}
    (film,) = as_owner.post(address, fields, headers=JSON).json()["films"]
    assert (film["film"], film["state"], film["code"]) == ("", "skipped", "helper_file")
    assert not Film.objects.exists()


def test_script_opens_sends_one_by_one_and_submits(as_owner: Client, model_version: ModelVersion, png: bytes) -> None:
    places = as_owner.post(reverse("batch-open"), {"name": "Ward 8"}, headers=JSON).json()
    good = as_owner.post(places["files"], {"file": _file("a.png", png)}, headers=JSON)
    assert good.status_code == 201
    assert good.json()["films"][0] | {"film": ""} == {
        "film": "", "name": "a.png", "state": "queued", "code": "", "reason": "",
    }  # fmt: skip
    bad = as_owner.post(places["files"], {"file": _file("bad.dcm", b"")}, headers=JSON).json()["films"][0]
    assert (bad["state"], bad["code"]) == ("rejected", "empty_file")
    assert bad["reason"]
    digests = [hashlib.sha256(data).hexdigest() for data in (png, b"", b"never sent")]
    asked = as_owner.post(places["missing"], {"sha256": digests}, content_type="application/json", headers=JSON)
    assert asked.json() == {"missing": digests[2:]}
    assert as_owner.get(places["progress"]).json()["total"] == 2
    done = as_owner.post(places["submit"], headers=JSON)
    assert done.json() == {"page": places["page"]}
    assert Batch.objects.get(name="Ward 8").submitted_at is not None


def test_a_file_sent_again_after_a_lost_answer_is_one_film(as_owner: Client, batch: Batch, png: bytes) -> None:
    address = reverse("batch-add", args=[batch.pk])
    answers = [as_owner.post(address, {"file": _file("a.png", png)}, headers=JSON).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert Film.objects.count() == 1


def test_script_gets_code_and_sentence_when_refused(as_owner: Client, batch: Batch, png: bytes) -> None:
    Batch.objects.filter(pk=batch.pk).update(submitted_at="2026-01-01T00:00Z")
    address = reverse("batch-add", args=[batch.pk])
    answer = as_owner.post(address, {"file": _file("a.png", png)}, headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["code"] == "batch_submitted"
    assert answer.json()["detail"]


def test_open_batch_offers_to_go_on(as_owner: Client, batch: Batch, png: bytes) -> None:
    as_owner.post(reverse("batch-add", args=[batch.pk]), {"file": _file("a.png", png)})
    content = as_owner.get(batch.get_absolute_url()).content.decode()
    assert reverse("batch-submit", args=[batch.pk]) in content
    assert "1 film ready to screen" in content


def test_progress_tells_the_script_when_the_page_is_another(as_owner: Client, batch: Batch, png: bytes) -> None:
    as_owner.post(reverse("batch-add", args=[batch.pk]), {"file": _file("a.png", png)})
    as_owner.post(reverse("batch-add", args=[batch.pk]), {"file": _file("b.png", b"no")})
    as_owner.post(reverse("batch-submit", args=[batch.pk]))
    answer = as_owner.get(reverse("batch-progress", args=[batch.pk]))
    now = json.loads(answer.content)
    assert answer.headers["Cache-Control"] == "no-store"
    assert (now["state"], now["final"], now["percent"], now["total"]) == ("running", False, 50, 2)
    page = as_owner.get(batch.get_absolute_url())
    assert f'data-version="{now["version"]}"' in page.content.decode()
    Film.objects.filter(state="queued").update(state="done", score=0.9, decision="positive")
    assert json.loads(as_owner.get(answer.wsgi_request.path).content)["version"] != now["version"]


def test_the_script_takes_no_message_meant_for_the_next_page(as_owner: Client, batch: Batch) -> None:
    as_owner.get(reverse("password-changed"))
    said = "Password changed."
    assert said not in as_owner.get(batch.get_absolute_url(), headers={"X-Live": "1"}).content.decode()
    assert said in as_owner.get(batch.get_absolute_url()).content.decode()


def test_cancelling_stops_what_waits(as_owner: Client, batch: Batch, png: bytes) -> None:
    as_owner.post(reverse("batch-add", args=[batch.pk]), {"file": _file("a.png", png)})
    as_owner.post(reverse("batch-submit", args=[batch.pk]))
    content = as_owner.post(reverse("batch-cancel", args=[batch.pk]), follow=True).content.decode()
    assert "1 cancelled" in content
    assert "Cancel batch…" not in content


def test_script_cancels(as_owner: Client, model_version: ModelVersion) -> None:
    places = as_owner.post(reverse("batch-open"), {"name": "Ward 8"}, headers=JSON).json()
    assert (places["id"], places["name"]) == (str(Batch.objects.get().pk), "Ward 8")
    assert as_owner.post(places["cancel"], headers=JSON).json() == {"page": places["page"]}
    assert Batch.objects.get().cancelled_at is not None


def test_files_of_a_folder_keep_their_place_in_it(as_owner: Client, batch: Batch, png: bytes, jpeg: bytes) -> None:
    address = reverse("batch-add", args=[batch.pk])
    sent = {"file": [_file("a.png", png), _file("a.png", jpeg)], "path": ["Ward 3/left/a.png", "../../Ward 3/a.png"]}
    films = as_owner.post(address, sent, headers=JSON).json()["films"]
    assert [film["name"] for film in films] == ["Ward 3/left/a.png", "Ward 3/a.png"]
    unequal = as_owner.post(address, {"file": _file("b.png", png), "path": ["a", "b"]}, headers=JSON)
    assert (unequal.status_code, unequal.json()["code"]) == (400, "paths_unequal")
    assert batch.films.count() == 2


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"sha256": "abc"}', '{"sha256": ["ABC"]}'])
def test_asking_for_what_is_no_digest_says_so(as_owner: Client, batch: Batch, body: str) -> None:
    address = reverse("batch-missing", args=[batch.pk])
    answer = as_owner.post(address, body, content_type="application/json", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "hashes_invalid")
    assert answer.json()["detail"]


def test_nobody_else_learns_what_a_batch_holds(as_stranger: Client, client: Client, batch: Batch) -> None:
    address = reverse("batch-missing", args=[batch.pk])
    assert as_stranger.post(address, {"sha256": []}, content_type="application/json").status_code == 404
    assert client.post(address, {"sha256": []}, content_type="application/json").status_code == 302
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(batch.owner)
    assert careless.post(address, {"sha256": []}, content_type="application/json").status_code == 403


@pytest.mark.parametrize("place", ["home", "batch"])
def test_form_says_the_limits_and_what_is_left(as_owner: Client, batch: Batch, settings: Any, place: str) -> None:
    settings.MAX_FILE_BYTES, settings.MAX_ARCHIVE_BYTES = 3 * 1024**2, 5 * 1024**3
    settings.MAX_MEGAPIXELS, settings.MAX_ARCHIVE_MEMBERS = 77, 1234
    settings.QUOTA_BYTES, settings.QUOTA_FILES = 7 * 1024**2, 55
    content = as_owner.get(reverse("home") if place == "home" else batch.get_absolute_url()).content.decode()
    for told in ("3.0\xa0MB", "5.0\xa0GB", "77 megapixels", "1,234 files", "7.0\xa0MB and 55 files left"):
        assert told in content, told
    for told in ('"maxFile": 3145728', '"maxArchive": 5368709120', '"quotaBytes": 7340032'):
        assert told in content, told


def test_a_first_visit_offers_the_sample_study(as_owner: Client, owner: User, model_version: ModelVersion) -> None:
    assert "Try the sample study" in as_owner.get(reverse("home")).content.decode()
    answer = as_owner.post(reverse("batch-sample"))
    batch = Batch.objects.get(owner=owner)
    assert answer.headers["Location"] == batch.get_absolute_url()
    assert batch.submitted_at is not None
    states = list(batch.films.values_list("state", flat=True))
    assert states.count("queued") >= 8
    assert states.count("rejected") >= 2
    assert "Try the sample study" not in as_owner.get(reverse("home")).content.decode()
