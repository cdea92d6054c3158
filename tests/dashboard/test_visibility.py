"""Access to pages: owner and staff see them; for others the answer is the same as if the object did not exist."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from screening.accounts import tokens
from screening.models import ApiToken, Batch, Film, ModelVersion, Review

OF_BATCH = ("batch", "batch-progress")
OF_FILM = ("film", "film-display", "film-thumb")
OF_EVERYBODY = ("home", "model", "account", "password")


def _addresses(film: Film) -> list[str]:
    return [reverse(name, args=[film.batch_id]) for name in OF_BATCH] + [
        reverse(name, args=[film.pk]) for name in OF_FILM
    ]


def test_owner_and_colleague_see_a_batch_and_its_films(film: Film, as_owner: Client, as_colleague: Client) -> None:
    for client in (as_owner, as_colleague):
        for address in _addresses(film):
            assert client.get(address).status_code == 200, address


def test_stranger_gets_404_as_for_what_does_not_exist(film: Film, as_stranger: Client) -> None:
    missing = [reverse(name, args=[uuid.uuid4()]) for name in (*OF_BATCH, *OF_FILM)]
    for address in _addresses(film) + missing:
        assert as_stranger.get(address).status_code == 404, address


def test_anonymous_is_sent_to_the_login(film: Film, client: Client) -> None:
    pages = [reverse(name) for name in (*OF_EVERYBODY, "reviews")]
    pages.append(reverse("model-chart", args=["seed-cnn", "roc"]))
    for address in _addresses(film) + pages:
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith(reverse("login")), address


@pytest.mark.parametrize("name", ["batch-add", "batch-submit", "batch-cancel"])
def test_stranger_cannot_change_a_batch(name: str, film: Film, as_stranger: Client) -> None:
    assert as_stranger.post(reverse(name, args=[film.batch_id])).status_code == 404
    batch = Batch.objects.get(pk=film.batch_id)
    assert batch.cancelled_at is None
    assert batch.films.count() == 1


def test_reviews_are_for_staff(film: Film, as_owner: Client, as_colleague: Client) -> None:
    assert as_owner.get(reverse("reviews")).status_code == 404
    verdict = {"verdict": "confirmed"}
    assert as_owner.post(reverse("film-review", args=[film.pk]), verdict).status_code == 404
    assert not Review.objects.exists()
    assert as_colleague.get(reverse("reviews")).status_code == 200
    assert reverse("reviews") not in as_owner.get(reverse("home")).content.decode()


def test_home_lists_own_batches_only(film: Film, as_owner: Client, as_colleague: Client) -> None:
    assert film.batch.name in as_owner.get(reverse("home")).content.decode()
    assert film.batch.name not in as_colleague.get(reverse("home")).content.decode()


def test_home_lists_newest_first(batch: Batch, model_version: ModelVersion, as_owner: Client) -> None:
    for number in range(3):
        Batch.objects.create(owner=batch.owner, name=f"Later {number}", model=model_version)
    content = as_owner.get(reverse("home")).content.decode()
    places = [content.index(name) for name in ("Later 2", "Later 1", "Later 0", batch.name)]
    assert places == sorted(places)


def test_a_key_of_somebody_else_cannot_be_revoked(owner: User, as_stranger: Client) -> None:
    token, _ = tokens.create_token(user=owner, name="import")
    as_stranger.post(reverse("token-revoke", args=[token.pk]))
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_changes_need_post_and_the_csrf_token(film: Film, owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    for name in ("batch-add", "batch-submit", "batch-cancel"):
        address = reverse(name, args=[film.batch_id])
        assert strict.get(address).status_code == 405
        assert strict.post(address).status_code == 403


def test_pictures_are_private_and_only_of_decoded_films(film: Film, as_owner: Client) -> None:
    answer = as_owner.get(reverse("film-thumb", args=[film.pk]))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    Film.objects.filter(pk=film.pk).update(pictured=False)
    assert as_owner.get(reverse("film-thumb", args=[film.pk])).status_code == 404
