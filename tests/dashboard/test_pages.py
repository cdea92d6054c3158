"""Rules for every page: the notice, the content security policy, and a constant number of queries."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.templatetags.screens import ICONS
from screening.models import Batch, Film
from tests.dashboard.conftest import MakeFilms

INLINE = [
    re.compile(r'<script(?![^>]*(\ssrc=|type="application/json"))', re.IGNORECASE),
    re.compile(r"<style\b", re.IGNORECASE),
    re.compile(r"<[^>]+\sstyle\s*=", re.IGNORECASE),
    re.compile(r"<[^>]+\son[a-z]+\s*=", re.IGNORECASE),
    re.compile(r"javascript:", re.IGNORECASE),
    re.compile(r"""(?:src|href)=["'](?:https?:)?//""", re.IGNORECASE),
]
WITHOUT_CONTEXT = ("dashboard/shared/early_error.html", "500.html")


def _check(content: str) -> None:
    assert settings.NOTICE in content
    for pattern in INLINE:
        assert pattern.search(content) is None, pattern.pattern


def _pages(film: Film) -> list[str]:
    batch = reverse("batch", args=[film.batch_id])
    pages = [reverse(name) for name in ("home", "reviews", "model", "account", "password")]
    pages += [batch, f"{batch}?view=table&sort=score", f"{batch}?state=failed"]
    return [*pages, reverse("film", args=[film.pk]), "/no-such-page", reverse("film", args=[film.batch_id])]


def test_every_page_says_the_notice_and_has_nothing_inline(film: Film, as_colleague: Client) -> None:
    for address in _pages(film):
        answer = as_colleague.get(address)
        assert answer.status_code in (200, 404), address
        _check(answer.content.decode())
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_login_page_and_a_refused_form(client: Client, as_owner: Client, batch: Batch) -> None:
    _check(client.get(reverse("login")).content.decode())
    answer = as_owner.post(reverse("batch-submit", args=[batch.pk]))
    assert answer.status_code == 409
    content = answer.content.decode()
    assert "batch_empty" in content
    _check(content)


@pytest.mark.parametrize("name", WITHOUT_CONTEXT)
def test_pages_that_have_no_context_say_the_notice_too(name: str) -> None:
    _check(render_to_string(name))


def test_new_key_is_shown_once_and_never_again(as_owner: Client) -> None:
    answer = as_owner.post(reverse("token-create"), {"name": "nightly"})
    content = answer.content.decode()
    _check(content)
    key = re.search(r"xray_[\w-]+", content)
    assert key is not None
    assert answer.headers["Cache-Control"] == "no-store"
    again = as_owner.get(reverse("account")).content.decode()
    assert key.group() not in again
    assert "nightly" in again


def test_names_of_files_are_escaped(make_films: MakeFilms, as_owner: Client) -> None:
    film = make_films(1)[0]
    Film.objects.filter(pk=film.pk).update(original_name="<img src=x onerror=alert(1)>.png")
    for address in (reverse("batch", args=[film.batch_id]), reverse("film", args=[film.pk])):
        assert "<img src=x" not in as_owner.get(address).content.decode()


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_number_of_queries_does_not_grow_with_the_films(
    make_films: MakeFilms, as_colleague: Client, batch: Batch
) -> None:
    first = make_films(10, flags=("positive",))[0]
    Film.objects.filter(pk=first.pk).update(state=Film.State.FAILED, code="damaged_pixels")
    page = reverse("batch", args=[batch.pk])
    addresses = [page, f"{page}?view=table", reverse("reviews"),
                 reverse("batch-progress", args=[batch.pk]), reverse("film", args=[first.pk])]  # fmt: skip
    few = [_queries(as_colleague, address) for address in addresses]
    make_films(190, flags=("positive",))
    many = [_queries(as_colleague, address) for address in addresses]
    assert many == few
    assert max(few) <= 15


def test_number_of_queries_does_not_grow_with_the_batches(owner: User, batch: Batch, as_owner: Client) -> None:
    few = _queries(as_owner, reverse("home"))
    for number in range(12):
        Batch.objects.create(owner=owner, name=f"Ward {number}", model=batch.model)
    assert _queries(as_owner, reverse("home")) == few


def test_every_badge_has_a_symbol_on_the_page() -> None:
    sprite = render_to_string("dashboard/shared/_icons.html")
    for value in (*Film.State.values, *Film.Decision.values, *Film.ReviewState.values[1:]):
        assert f'id="i-{ICONS[value]}"' in sprite


def test_empty_pages_say_what_to_do_next(model_version: object, as_owner: Client, as_colleague: Client) -> None:
    assert "No batches yet" in as_owner.get(reverse("home")).content.decode()
    assert "No films to review" in as_colleague.get(reverse("reviews")).content.decode()
