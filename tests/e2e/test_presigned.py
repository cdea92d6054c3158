"""Pictures that a browser loads from the bucket, under the content security policy of the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ml.phantom.film import PhantomSpec, jpeg_bytes
from screening.config import storages
from screening.models import Batch
from screening.storage import local as storage
from tests.e2e.browsers import ARGUMENTS
from tests.e2e.conftest import chromium
from tests.screening import factories
from tests.screening.storage.bucket import Bucket, s3, s3_server

__all__ = ["s3", "s3_server"]

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def presigned(s3: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up presigned addresses as in a deployment; each test sets the policy."""
    monkeypatch.setenv("SERVE_PRESIGNED", "1")
    settings.SERVE_PRESIGNED = storages.read_presigned()


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "refused"])
def test_a_browser_loads_pictures_from_an_allowed_bucket_only(
    presigned: None, live_server: Any, batch: Batch, owner: User, settings: Any, allowed: bool
) -> None:
    sources = storages.picture_origins() if allowed else ["'self'", "data:"]
    directives = {**project.CONTENT_SECURITY_POLICY["DIRECTIVES"], "img-src": sources}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
    film = factories.done(batch)
    storage.put_file(film.storage_name("thumb.jpg"), jpeg_bytes(PhantomSpec(height=64, width=64, seed=1)))
    client = Client()
    client.force_login(owner)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    address = reverse("film-thumb", args=[film.pk])
    assert width_in_browser(live_server.url, address, cookie) == (64 if allowed else 0)


def width_in_browser(site: str, address: str, cookie: dict[str, str]) -> int:
    """Return the width of a picture on a page of the site; 0 where the policy refuses it."""
    from playwright.sync_api import sync_playwright

    load = "src => new Promise(done => { const image = new Image(); image.src = src;"
    load += " image.onload = () => done(image.naturalWidth); image.onerror = () => done(0); })"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page()
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(f"{site}/account")
        width = int(page.evaluate(load, address))
        browser.close()
    return width
