"""The list of films to review, and verdicts on the page of a film."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from screening.models import Film, Review
from tests.dashboard.conftest import MakeFilms, page_text


def test_queue_shows_oldest_first_with_the_reasons(make_films: MakeFilms, as_colleague: Client) -> None:
    films = make_films(3, flags=("positive",))
    make_films(1)
    content = page_text(as_colleague.get(reverse("reviews")))
    assert "3 films to review" in content
    places = [content.index(film.original_name) for film in films]
    assert places == sorted(places)
    assert "at or above the upper operating point" in content


def test_verdict_leads_to_the_next_film_and_then_back(make_films: MakeFilms, as_colleague: Client) -> None:
    first, second = make_films(2, flags=("uncertain",))
    form = {"verdict": "overturned", "note": "shadow of a hand", "queue": "1"}
    answer = as_colleague.post(reverse("film-review", args=[first.pk]), form)
    assert answer.headers["Location"] == reverse("film", args=[second.pk]) + "?queue=1"
    answer = as_colleague.post(reverse("film-review", args=[second.pk]), form | {"verdict": "confirmed"})
    assert answer.headers["Location"] == reverse("reviews")
    states = Film.objects.order_by("created_at", "id").values_list("review_state", flat=True)
    assert list(states) == ["overturned", "confirmed"]
    content = as_colleague.get(reverse("film", args=[first.pk])).content.decode()
    assert "shadow of a hand" in content
    assert "Overturned: film-0000.png" in content


def test_the_last_of_the_queue_leads_to_its_first(make_films: MakeFilms, as_colleague: Client) -> None:
    first, last = make_films(2, flags=("uncertain",))
    answer = as_colleague.post(reverse("film-review", args=[last.pk]), {"verdict": "confirmed", "queue": "1"})
    assert answer.headers["Location"] == reverse("film", args=[first.pk]) + "?queue=1"


def test_film_without_flag_offers_no_form_and_takes_no_verdict(make_films: MakeFilms, as_colleague: Client) -> None:
    film = make_films(1)[0]
    assert "Your verdict" not in as_colleague.get(reverse("film", args=[film.pk])).content.decode()
    answer = as_colleague.post(reverse("film-review", args=[film.pk]), {"verdict": "confirmed"})
    assert answer.status_code == 409
    assert not Review.objects.exists()


def test_owner_sees_the_verdict_but_no_form(film: Film, as_owner: Client, as_colleague: Client) -> None:
    as_colleague.post(reverse("film-review", args=[film.pk]), {"verdict": "confirmed", "note": "clear"})
    content = as_owner.get(reverse("film", args=[film.pk])).content.decode()
    assert "clear" in content
    assert "colleague" in content
    assert "Your verdict" not in content


def test_unknown_verdict_is_refused(film: Film, as_colleague: Client) -> None:
    answer = as_colleague.post(reverse("film-review", args=[film.pk]), {"verdict": "maybe"})
    assert answer.status_code == 400
    assert "verdict_unknown" in answer.content.decode()
