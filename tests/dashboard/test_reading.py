"""The pages of the reading room: content, blinding, and access."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from screening.models import Film, ReadingClaim, Review
from screening.reading import services as reading
from screening.reading import statements as statements
from screening.reading.reviews import record_review
from tests.dashboard.conftest import MakeFilms, page_text, signed_in
from tests.dashboard.test_pages import _check
from tests.screening.factories import reviewer

PAGES = ("reading", "reading-me")
FILM_PAGES = ("reading-verdict", "reading-skip", "reading-beat", "reading-ahead")


@pytest.fixture(autouse=True)
def _single_readings(settings: Any) -> None:
    settings.DOUBLE_READING_SHARE = 0.0
    settings.GOLD_SHARE = 0.0


@pytest.fixture
def as_reader(db: None) -> Client:
    """A reviewer who is not staff."""
    return signed_in(reviewer("reader"))


def start(client: Client) -> str:
    """Enter the room; the film's page."""
    answer = client.post(reverse("reading-next"))
    assert answer.status_code == 302
    return answer.headers["Location"]


def see(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    content = page_text(answer)
    _check(content)
    return content


def show_the_score(client: Client) -> None:
    client.post(reverse("reading-mode"), {"blinded": "0"})


def test_only_reviewers_get_in(film: Film, as_owner: Client, as_stranger: Client, as_reader: Client) -> None:
    for client in (as_owner, as_stranger):
        for name in (*PAGES, "reading-readers"):
            assert client.get(reverse(name)).status_code == 404, name
        for name in ("reading-next", "reading-mode", "reading-undo", "reading-back"):
            assert client.post(reverse(name)).status_code == 404, name
        for name in FILM_PAGES:
            assert client.post(reverse(name, args=[film.pk])).status_code == 404, name
        assert client.get(reverse("reading-film", args=[film.pk])).status_code == 404
        assert reverse("reading") not in client.get(reverse("home")).content.decode()
    for name in (*PAGES, "reviews"):
        assert as_reader.get(reverse(name)).status_code == 200, name
    assert as_reader.get(reverse("reading-readers")).status_code == 404
    assert as_reader.get(reverse("film", args=[film.pk])).status_code == 200
    assert as_reader.get(reverse("batch", args=[film.batch_id])).status_code == 404
    assert reverse("reading") in as_reader.get(reverse("home")).content.decode()


def test_anonymous_is_sent_to_the_login(client: Client, db: None) -> None:
    for name in PAGES:
        assert client.get(reverse(name)).headers["Location"].startswith(reverse("login"))


def test_blinded_page_and_what_it_links_to_give_nothing_away(make_films: MakeFilms, as_reader: Client) -> None:
    """The film's own page stays open to who types its address; nothing in the room leads there."""
    film = make_films(1, score=0.8765, flags=("positive",), pictures=True)[0]
    Film.objects.filter(pk=film.pk).update(mapped=True, original_name="covid-positive-17.png")
    address = start(as_reader)
    content = see(as_reader, address)
    links = set(re.findall(r"""(?:src|href|action|formaction|data-[\w-]+)=["'](/[^"'#]+)""", content))
    assert reverse("film-display", args=[film.pk]) in links
    hidden = (
        "0.87", "covid-positive", "positive by", "map.png", reverse("film", args=[film.pk]) + '"', "operating point",
        film.batch.name, "Confirm", "Overturn", "is-uncertain", 'class="badge is-',
    )  # fmt: skip
    for text in hidden:
        assert text not in content, text
    for link in links:
        if "/static/" in link:
            continue
        answer = as_reader.get(link)
        body = b"".join(answer) if answer.streaming else answer.content
        for told in (b"0.87", b"covid-positive", b"operating point"):
            assert told not in body, (link, told)
    assert "COVID-19 signs" in content
    assert "No such signs" in content


def test_blinded_verdict_is_answered_with_what_the_model_said(make_films: MakeFilms, as_reader: Client) -> None:
    make_films(2, score=0.8765, flags=("positive",))
    first = start(as_reader)
    see(as_reader, first)
    answer = as_reader.post(first + "/verdict", {"answer": "negative", "note": "rotated"})
    content = see(as_reader, answer.headers["Location"])
    assert "Model: positive, score 0.88. You: No such signs. Overturned." in content
    entry = Review.objects.get()
    assert (entry.verdict, entry.finding, entry.blinded, entry.note) == ("overturned", "negative", True, "rotated")
    assert entry.seconds is not None


def test_score_in_sight(make_films: MakeFilms, as_reader: Client) -> None:
    film = make_films(1, score=0.8765, flags=("positive",), pictures=True)[0]
    Film.objects.filter(pk=film.pk).update(mapped=True)
    show_the_score(as_reader)
    address = start(as_reader)
    content = see(as_reader, address)
    for text in ("0.87", film.original_name, reverse("film-map", args=[film.pk]), "Confirm “positive”", "Overturn"):
        assert text in content, text
    answer = as_reader.post(address + "/verdict", {"answer": "confirmed"})
    assert answer.headers["Location"] == reverse("reading")
    assert not Review.objects.get().blinded
    assert "No films to read" in see(as_reader, reverse("reading"))


def test_the_setting_is_the_default_of_the_switch(film: Film, as_reader: Client, settings: Any) -> None:
    assert "Blinded reading" in see(as_reader, reverse("reading"))
    settings.READING_BLINDED = False
    assert "score shown" in see(as_reader, reverse("reading"))
    as_reader.post(reverse("reading-mode"), {"blinded": "1"})
    assert "Blinded reading" in see(as_reader, reverse("reading"))


def test_uncertain_film_asks_for_a_finding_even_with_the_score_in_sight(film: Film, as_reader: Client) -> None:
    Film.objects.update(decision="uncertain", score=0.4)
    show_the_score(as_reader)
    content = see(as_reader, start(as_reader))
    assert "COVID-19 signs" in content
    assert "Confirm" not in content


def test_undo_leads_back_to_the_film_with_everything_in_sight(make_films: MakeFilms, as_reader: Client) -> None:
    make_films(2, score=0.8765, flags=("positive",))
    first = start(as_reader)
    as_reader.post(first + "/verdict", {"answer": "positive"})
    answer = as_reader.post(reverse("reading-undo"))
    assert answer.headers["Location"] == first
    content = see(as_reader, first)
    assert "Verdict withdrawn" in content
    assert "Confirm “positive”" in content
    as_reader.post(first + "/verdict", {"answer": "overturned"})
    assert Film.objects.get(pk=Review.objects.latest("id").film_id).review_state == "overturned"


def test_undo_without_a_verdict_says_so(film: Film, as_reader: Client) -> None:
    content = as_reader.post(reverse("reading-undo"), follow=True).content.decode()
    assert "You gave no verdict in the last 10 minutes." in content


def test_skip_and_hand_back(make_films: MakeFilms, as_reader: Client) -> None:
    make_films(2, flags=("positive",))
    first = start(as_reader)
    answer = as_reader.post(first + "/skip")
    assert answer.headers["Location"] not in (first, reverse("reading"))
    assert as_reader.post(reverse("reading-back")).headers["Location"] == reverse("reading")
    assert not ReadingClaim.objects.exists()
    assert not Review.objects.exists()


def test_a_film_that_is_not_ones_own_leads_back_to_the_door(
    film: Film, as_reader: Client, as_colleague: Client
) -> None:
    address = start(as_reader)
    answer = as_colleague.get(address)
    assert answer.headers["Location"] == reverse("reading")
    assert "You do not hold this film" in see(as_colleague, reverse("reading"))
    answer = as_colleague.post(address + "/verdict", {"answer": "positive", "note": "a long thought"})
    assert answer.status_code == 409
    content = answer.content.decode()
    assert "claim_lost" in content
    assert "a long thought" in content
    missing = reverse("reading-verdict", args=[uuid.uuid4()])
    assert as_reader.post(missing, {"answer": "positive"}).status_code == 404


def test_heartbeat_and_the_next_film(make_films: MakeFilms, as_reader: Client, as_colleague: Client) -> None:
    make_films(2, flags=("positive",), pictures=True)
    address = start(as_reader)
    asked = {"headers": {"accept": "application/json"}}
    assert as_reader.post(address + "/beat", **asked).json() == {"seconds": 600}  # type: ignore[arg-type]
    lost = as_colleague.post(address + "/beat", **asked)  # type: ignore[arg-type]
    assert (lost.status_code, lost.json()["code"]) == (409, "claim_lost")
    picture = as_reader.post(address + "/ahead").json()["picture"]
    assert picture != reverse("film-display", args=[address.rsplit("/", 1)[1]])
    assert as_reader.get(picture).status_code == 200
    following = as_reader.post(address + "/verdict", {"answer": "positive"}).headers["Location"]
    assert following.rsplit("/", 1)[1] in picture
    assert as_reader.post(following + "/ahead").json() == {"picture": ""}


def test_who_settles_a_film_sees_what_was_said_but_not_by_whom(
    film: Film, as_reader: Client, as_colleague: Client, colleague: User
) -> None:
    record_review(film=film, reviewer=colleague, verdict="second_opinion", note="is this a line?")
    content = see(as_reader, start(as_reader))
    assert "Your verdict is final." in content
    assert "is this a line?" in content
    assert "colleague" not in content
    assert as_colleague.post(reverse("reading-next")).headers["Location"] == reverse("reading")


def test_second_reader_sees_nothing_of_the_first(
    film: Film, as_reader: Client, as_colleague: Client, settings: Any
) -> None:
    settings.READINGS_NEEDED = 2
    address = start(as_colleague)
    as_colleague.post(address + "/verdict", {"answer": "positive", "note": "left base"})
    assert start(as_reader) == address
    content = see(as_reader, address)
    assert "left base" not in content
    assert "settles" not in content


def test_figures_pages(make_films: MakeFilms, as_reader: Client, as_colleague: Client) -> None:
    assert "You have not read any films yet" in see(as_reader, reverse("reading-me"))
    assert "No films have been read yet" in see(as_colleague, reverse("reading-readers"))
    make_films(3, flags=("positive",))
    address = start(as_reader)
    while address != reverse("reading"):
        see(as_reader, address)
        address = as_reader.post(address + "/verdict", {"answer": "positive"}).headers["Location"]
    assert "Nothing to compare yet" in see(as_reader, reverse("reading-me"))
    assert "3 of 3" in see(as_colleague, reverse("reading-readers"))
    Review.objects.update(created_at=timezone.now() - timedelta(days=1))
    mine = see(as_reader, reverse("reading-me"))
    assert "3 of 3" in mine
    assert "gold cases" not in mine.split("Agreement with the model")[0]


def test_list_by_state_of_review(make_films: MakeFilms, as_colleague: Client, colleague: User) -> None:
    films = make_films(3, flags=("positive",))
    record_review(film=films[0], reviewer=colleague, verdict="unreadable")
    record_review(film=films[1], reviewer=colleague, verdict="second_opinion")
    expected = {"pending": films[2], "unreadable": films[0], "disputed": films[1]}
    for state, film in expected.items():
        content = see(as_colleague, f"{reverse('reviews')}?state={state}")
        assert [shown.original_name for shown in films if shown.original_name in content] == [film.original_name], (
            state
        )
    assert "No films in this state" in see(as_colleague, f"{reverse('reviews')}?state=overturned")
    assert as_colleague.get(f"{reverse('reviews')}?state=x").status_code == 400


def _queries(client: Client, address: str, method: str = "get") -> int:
    with CaptureQueriesContext(connection) as queries:
        assert getattr(client, method)(address).status_code in (200, 302)
    return len(queries)


def test_number_of_queries_does_not_grow_with_the_films(
    make_films: MakeFilms, as_colleague: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "QUEUE_MIX", ((1.0, statements.CLAIM_POSITIVE),))  # whose turn it is falls by lot
    make_films(10, flags=("positive",))
    gets = [reverse("reading"), reverse("reading-me"), reverse("reading-readers"), start(as_colleague)]
    gets.append(f"{reverse('reviews')}?state=confirmed")

    def count() -> list[int]:
        counts = [_queries(as_colleague, address) for address in gets]
        as_colleague.post(reverse("reading-back"))
        counts.append(_queries(as_colleague, reverse("reading-next"), "post"))
        gets[3] = start(as_colleague)
        return counts

    few = count()
    make_films(300, flags=("positive",))
    assert count() == few
    assert max(few) <= 15


def test_changes_need_the_csrf_token(film: Film, colleague: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(colleague)
    for name in ("reading-next", "reading-mode", "reading-undo", "reading-back"):
        assert strict.post(reverse(name)).status_code == 403
        assert strict.get(reverse(name)).status_code == 405
