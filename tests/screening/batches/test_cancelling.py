"""Cancelling: what still waits is stopped; what has finished stays finished, whoever clicks when."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from rest_framework.test import APIClient

from screening.batches import reruns
from screening.batches import services as batches
from screening.batches.progress import progress_of
from screening.errors import ScreeningError
from screening.models import Batch, Film, ModelVersion
from screening.worker import leases
from screening.worker.sweep import sweep_films
from tests.dashboard.conftest import signed_in
from tests.screening.factories import done, film, screened

pytestmark = pytest.mark.usefixtures("published", "backlog")

State = Film.State


def state_of(batch: Batch) -> str:
    return progress_of(Batch.objects.get(pk=batch.pk)).state


def refused(batch: Batch, number: int = 50) -> Film:
    return film(batch, number, state=State.REJECTED, code="c", reason="r", stored=False, finished_at=Now())


@pytest.fixture
def finished(running: Batch) -> Batch:
    done(running, 1)
    refused(running)
    assert state_of(running) == "done"
    return running


def mark_cancelled(batch: Batch) -> None:
    """As versions before did to a finished batch."""
    Batch.objects.filter(pk=batch.pk).update(cancelled_at=Now())


def test_a_finished_batch_cannot_be_cancelled_and_stays_finished(finished: Batch) -> None:
    with pytest.raises(ScreeningError, match="batch_finished") as error:
        batches.cancel_batch(batch=finished)
    assert error.value.status == 409
    assert Batch.objects.get().cancelled_at is None
    assert state_of(finished) == "done"


def test_the_interface_for_programs_says_so(finished: Batch, api: APIClient) -> None:
    answer = api.post(f"/api/v1/batches/{finished.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "batch_finished")
    assert api.get(f"/api/v1/batches/{finished.pk}").json()["state"] == "done"


def test_the_pages_say_so(finished: Batch, owner: User) -> None:
    browser, address = signed_in(owner), f"{finished.get_absolute_url()}/cancel"
    page = browser.post(address)
    assert page.status_code == 409
    assert "finished" in page.content.decode()
    answer = browser.post(address, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "batch_finished")


def test_a_batch_that_finishes_while_it_is_cancelled_is_finished(running: Batch) -> None:
    """Its last film was in a worker's hands, so that nothing was stopped."""
    [claimed] = leases.claim_films([film(running).pk])
    batches.cancel_batch(batch=running)
    assert state_of(running) == "running"
    leases.record_results([(claimed, screened(0.9, "positive"))])
    assert state_of(running) == "done"
    with pytest.raises(ScreeningError, match="batch_finished"):
        batches.cancel_batch(batch=running)


def test_a_film_given_back_after_the_cancellation_is_still_waited_for(running: Batch) -> None:
    [claimed] = leases.claim_films([film(running).pk])
    batches.cancel_batch(batch=running)
    leases.release_without_attempt([claimed])
    assert state_of(running) == "running"
    sweep_films()
    assert state_of(running) == "cancelled"


def test_cancelling_twice_does_nothing_more(running: Batch) -> None:
    film(running)
    done(running, 1)
    first = batches.cancel_batch(batch=running).cancelled_at
    assert batches.cancel_batch(batch=running).cancelled_at == first
    assert state_of(running) == "cancelled"


@pytest.mark.parametrize("rejected", [0, 1])
def test_an_open_batch_can_be_cancelled_whatever_is_in_it(batch: Batch, rejected: int) -> None:
    for number in range(rejected):
        refused(batch, number)
    for _ in range(2):
        batches.cancel_batch(batch=batch)
    assert state_of(batch) == "cancelled"


def test_batches_that_were_cancelled_when_finished_are_finished_again(
    finished: Batch, owner: User, api: APIClient
) -> None:
    mark_cancelled(finished)
    assert state_of(finished) == "done"
    assert api.get(f"/api/v1/batches/{finished.pk}").json()["state"] == "done"
    browser = signed_in(owner)
    assert badges(browser, "/") == ["Finished"]
    assert "Cancelled" not in headings(browser.get(f"{finished.get_absolute_url()}/report").content.decode())
    with pytest.raises(ScreeningError, match="batch_finished"):
        batches.cancel_batch(batch=finished)


def test_the_list_says_what_the_page_says(running: Batch, owner: User) -> None:
    leases.claim_films([film(running).pk])
    film(running, 1)
    batches.cancel_batch(batch=running)
    browser = signed_in(owner)
    assert badges(browser, "/") == []  # a film is still being screened
    result = {"lease_until": None, "score": 0.1, "decision": "negative"}
    Film.objects.filter(state=State.RUNNING).update(state=State.DONE, **result)
    assert badges(browser, "/") == ["Cancelled"]


def test_a_run_again_that_finished_is_not_made_twice(finished: Batch, model_version: ModelVersion) -> None:
    other = ModelVersion.objects.exclude(pk=model_version.pk).get()
    again = reruns.rerun_batch(batch=finished, model=other, owner=finished.owner)
    batches.cancel_batch(batch=again)
    third = reruns.rerun_batch(batch=finished, model=other, owner=finished.owner)
    third.films.update(state=State.DONE, score=0.9, decision="positive")
    mark_cancelled(third)
    with pytest.raises(ScreeningError, match="rerun_exists"):
        reruns.rerun_batch(batch=finished, model=other, owner=finished.owner)


@pytest.mark.parametrize("films", [1, 0])
def test_a_submission_that_comes_after_a_cancellation_says_so(batch: Batch, films: int) -> None:
    for _ in range(films):
        film(batch)
    seen_open = Batch.objects.get(pk=batch.pk)
    batches.cancel_batch(batch=batch)
    with pytest.raises(ScreeningError, match="batch_cancelled"):
        batches.submit_batch(batch=seen_open if films else Batch.objects.get())


def badges(browser: Client, address: str) -> list[str]:
    """The words of the badges in the list of batches."""
    text = browser.get(address).content.decode()
    rows = text[text.index('<table class="data-table batch-table"') :]
    return [words for words in ("Finished", "Cancelled", "Not submitted") if f"</svg>{words}</span>" in rows]


def headings(report: str) -> list[Any]:
    return [part.split("</dt>")[0] for part in report.split("<dt>")[1:]]
