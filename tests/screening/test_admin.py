from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from screening.models import Batch, Review, XRay
from tests.screening.factories import done, film

FILMS = reverse("admin:screening_xray_changelist")
MANY = 3_000


@pytest.fixture
def staff(colleague: User) -> Client:
    client = Client()
    client.force_login(colleague)
    return client


@pytest.fixture
def flagged(batch: Batch) -> XRay:
    return done(batch, flags=["uncertain"], decision="uncertain", score=0.4, review_state="pending")


def page_of(film: XRay) -> str:
    return reverse("admin:screening_xray_change", args=[film.pk])


def test_a_reviewer_sees_picture_score_and_reason_beside_the_verdict(staff: Client, flagged: XRay) -> None:
    page = staff.get(page_of(flagged)).content.decode()
    for part in (reverse("film-display", args=[flagged.pk]), "0.400", "between the two operating points", "Overturn"):
        assert part in page
    assert "Not a diagnostic device" in page


def test_a_verdict_given_in_the_admin_is_kept(staff: Client, flagged: XRay, colleague: User) -> None:
    staff.post(page_of(flagged), {"verdict": "overturned", "note": "skin fold"})
    entry = Review.objects.get()
    assert (entry.reviewer, entry.verdict, entry.note) == (colleague, "overturned", "skin fold")
    assert "skin fold" in staff.get(page_of(flagged)).content.decode()


def test_a_wrong_verdict_is_refused_with_a_sentence(staff: Client, flagged: XRay) -> None:
    page = staff.post(page_of(flagged), {"verdict": "x"}, follow=True).content.decode()
    assert "Choose what to say: confirm or overturn" in page
    assert not Review.objects.exists()


def test_several_films_are_confirmed_at_once(staff: Client, batch: Batch) -> None:
    films = [done(batch, number, flags=["positive"], review_state="pending") for number in range(3)]
    staff.post(FILMS, {"action": "confirm", "_selected_action": [one.pk for one in films]})
    assert set(XRay.objects.values_list("review_state", flat=True)) == {"confirmed"}
    assert Review.objects.count() == 3


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_nobody_but_staff_enters(request: pytest.FixtureRequest, flagged: XRay, who: str) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(who))
    assert client.get(FILMS).status_code == 302
    client.post(page_of(flagged), {"verdict": "confirmed"})
    assert not Review.objects.exists()


def test_nothing_is_added_changed_or_deleted_by_hand(admin_client: Client, flagged: XRay) -> None:
    assert admin_client.get(reverse("admin:screening_xray_add")).status_code == 403
    assert admin_client.get(reverse("admin:screening_xray_delete", args=[flagged.pk])).status_code == 403


def test_films_are_filtered_by_flag_and_found_by_name(staff: Client, batch: Batch, flagged: XRay) -> None:
    film(batch, 1, state="failed", code="damaged_pixels", flags=["failed"], review_state="pending", original_name="other.png")
    page = staff.get(FILMS, {"flag": "failed"}).content.decode()
    assert "other.png" in page
    assert flagged.original_name not in page
    assert "other.png" in staff.get(FILMS, {"q": "othe"}).content.decode()


def test_a_list_page_costs_the_same_however_many_films_there_are(
    staff: Client, batch: Batch, flagged: XRay, django_assert_max_num_queries: Any
) -> None:
    XRay.objects.bulk_create(
        [
            XRay(batch=batch, original_name=f"{n}.png", sha256=f"{n:064x}", bytes=1, state="queued")
            for n in range(1, MANY)
        ]
    )
    with django_assert_max_num_queries(8):
        assert staff.get(FILMS).status_code == 200


@pytest.mark.parametrize("model", ["batch", "modelversion", "prediction", "review", "apitoken"])
def test_every_list_opens(admin_client: Client, flagged: XRay, model: str) -> None:
    assert admin_client.get(reverse(f"admin:screening_{model}_changelist")).status_code == 200
