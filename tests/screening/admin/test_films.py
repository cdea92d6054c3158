from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from screening.batches.search import search_films
from screening.models import Batch, Film, Review
from tests.screening.factories import done, film

FILMS = reverse("admin:screening_film_changelist")


@pytest.fixture
def staff(colleague: User) -> Client:
    client = Client()
    client.force_login(colleague)
    return client


@pytest.fixture
def flagged(batch: Batch) -> Film:
    return done(batch, flags=["uncertain"], decision="uncertain", score=0.4, review_state="pending")


def page_of(film: Film) -> str:
    return reverse("admin:screening_film_change", args=[film.pk])


def test_a_reviewer_sees_picture_score_and_reason_beside_the_verdict(staff: Client, flagged: Film) -> None:
    page = staff.get(page_of(flagged)).content.decode()
    for part in (reverse("film-display", args=[flagged.pk]), "0.400", "between the two operating points", "Overturn"):
        assert part in page
    assert "Not a diagnostic device" in page


def test_a_verdict_given_in_the_admin_is_kept(staff: Client, flagged: Film, colleague: User) -> None:
    staff.post(page_of(flagged), {"verdict": "overturned", "note": "skin fold"})
    entry = Review.objects.get()
    assert (entry.reviewer, entry.verdict, entry.note) == (colleague, "overturned", "skin fold")
    assert "skin fold" in staff.get(page_of(flagged)).content.decode()


def test_a_wrong_verdict_is_refused_with_a_sentence(staff: Client, flagged: Film) -> None:
    page = staff.post(page_of(flagged), {"verdict": "x"}, follow=True).content.decode()
    assert "Choose what to say: confirm or overturn" in page
    assert not Review.objects.exists()


def test_several_films_are_confirmed_at_once(staff: Client, batch: Batch) -> None:
    films = [done(batch, number, flags=["positive"], review_state="pending") for number in range(3)]
    staff.post(FILMS, {"action": "confirm", "_selected_action": [one.pk for one in films]})
    assert set(Film.objects.values_list("review_state", flat=True)) == {"confirmed"}
    assert Review.objects.count() == 3


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_nobody_but_staff_enters(request: pytest.FixtureRequest, flagged: Film, who: str) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(who))
    assert client.get(FILMS).status_code == 302
    client.post(page_of(flagged), {"verdict": "confirmed"})
    assert not Review.objects.exists()


def test_nothing_is_added_changed_or_deleted_by_hand(admin_client: Client, flagged: Film) -> None:
    assert admin_client.get(reverse("admin:screening_film_add")).status_code == 403
    assert admin_client.get(reverse("admin:screening_film_delete", args=[flagged.pk])).status_code == 403


def test_films_are_filtered_by_flag_and_found_by_name(staff: Client, batch: Batch, flagged: Film) -> None:
    film(batch, 1, state="failed", code="damaged_pixels", flags=["failed"], review_state="pending",
         original_name="other.png")  # fmt: skip
    page = staff.get(FILMS, {"flag": "failed"}).content.decode()
    assert "other.png" in page
    assert flagged.original_name not in page
    assert "other.png" in staff.get(FILMS, {"q": "othe"}).content.decode()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("chest", ["chest_1.png", "Chest-2.PNG"]),
        ("CHEST_", ["chest_1.png"]),  # no wildcard
        ("chest_1.png", ["chest_1.png"]),
        ("ward/ch", ["chest_1.png"]),
        ("/ward/chest_1.png/", ["chest_1.png"]),
        ("ard/ch", ["chest_1.png"]),
        ("hest", []),  # a beginning, not any part
        ("ward", []),  # a folder
        ("f" * 6, ["Chest-2.PNG"]),  # of the digest
        ("f" * 64, ["Chest-2.PNG"]),
        ("f" * 5, []),
        ("%", []),
        ("\\", []),
    ],
)
def test_films_are_found_by_how_they_begin(staff: Client, batch: Batch, words: str, found: list[str]) -> None:
    film(batch, 1, original_name="study/ward/chest_1.png")
    film(batch, 2, original_name="Chest-2.PNG", sha256="f" * 64)
    rows = staff.get(FILMS, {"q": words}).context["cl"].result_list
    assert sorted(row.original_name.rpartition("/")[2] for row in rows) == sorted(found)


def test_a_search_walks_an_index(batch: Batch) -> None:
    film(batch)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # one film is read faster than an index
        plan = search_films(Film.objects.order_by(), "film-0").explain()
        digest = search_films(Film.objects.order_by(), "abcdef").explain()
    assert "films_by_own_name" in plan
    assert "films_by_own_name" in digest
    assert "films_by_content" in digest


def test_what_is_done_to_films_is_in_the_log(admin_client: Client, staff: Client, flagged: Film) -> None:
    staff.post(FILMS, {"action": "confirm", "_selected_action": [flagged.pk]})
    staff.post(FILMS, {"action": "gold_positive", "_selected_action": [flagged.pk]})
    rows = admin_client.get(reverse("admin:admin_logentry_changelist")).content.decode()
    for part in ("Verdict: Confirm.", "Gold case: positive.", "colleague", flagged.original_name):
        assert part in rows


def test_too_many_films_at_once_are_refused(staff: Client, flagged: Film, monkeypatch: Any) -> None:
    monkeypatch.setattr("screening.admin.films.MAX_FILMS_AN_ACTION", 0)
    page = staff.post(FILMS, {"action": "confirm", "_selected_action": [flagged.pk]}, follow=True).content.decode()
    assert "Choose at most 0 films at a time; nothing was done." in page
    assert not Review.objects.exists()


def test_a_long_list_says_that_it_is_longer(staff: Client, flagged: Film, monkeypatch: Any) -> None:
    assert "are listed" not in staff.get(FILMS).content.decode()
    monkeypatch.setattr("screening.admin.base.MAX_COUNTED", 1)
    assert "The first 1 are listed." in staff.get(FILMS).content.decode()


@pytest.mark.parametrize("model", ["batch", "modelversion", "prediction", "review", "goldcase", "quota", "apitoken"])
def test_every_list_opens(admin_client: Client, flagged: Film, model: str) -> None:
    assert admin_client.get(reverse(f"admin:screening_{model}_changelist")).status_code == 200


def test_reviews_are_found_by_film_and_reader(admin_client: Client, staff: Client, flagged: Film) -> None:
    staff.post(page_of(flagged), {"verdict": "unreadable", "note": "blurred"})
    address = reverse("admin:screening_review_changelist")
    for words, count in (("film-0", 1), ("colleague", 1), ("nobody", 0)):
        assert admin_client.get(address, {"q": words}).context["cl"].result_count == count


def test_a_batch_leads_to_its_films(admin_client: Client, flagged: Film, batch: Batch, owner: User) -> None:
    Batch.objects.create(owner=owner, name="Other", model=batch.model)
    address = f"{FILMS}?batch__id__exact={batch.pk}"
    page = admin_client.get(reverse("admin:screening_batch_changelist"), {"q": "war"}).content.decode()
    assert address in page
    assert "Other" not in page
    assert flagged.original_name in admin_client.get(address).content.decode()


@pytest.mark.parametrize("rest", ["", "?flag=positive", "0b5d/change/", "0b5d/change/?next=1"])
def test_addresses_of_version_0_1_lead_to_the_films(admin_client: Client, rest: str) -> None:
    assert admin_client.get(f"/admin/screening/xray/{rest}")["Location"] == f"/admin/screening/film/{rest}"
