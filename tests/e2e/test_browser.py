"""The main path through the system, in a real browser against the real processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import LiveStack
from tests.e2e.steps import SCREENING, create_and_sign_in, send_films

pytestmark = pytest.mark.e2e


def test_upload_screening_and_review(page: Page, live_stack: LiveStack, films: list[Path]) -> None:
    create_and_sign_in(page, live_stack, "reader", staff=True)
    send_films(page, "From the browser", films)

    expect(page.locator("[data-headline]")).to_have_text("4 films screened, 1 rejected or failed, 4 to review")
    expect(page.locator("[data-chip=done] b")).to_have_text("4")
    expect(page.locator("[data-chip=rejected] b")).to_have_text("1")
    refusal = page.locator("[data-part=refusals]")
    expect(refusal).to_contain_text("broken.png")
    expect(refusal).to_contain_text("unsupported_kind")
    expect(refusal).to_contain_text("not a film")
    expect(page.locator(".film-tile img")).to_have_count(4)
    for picture in page.locator(".film-tile img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0

    page.get_by_role("link", name="first.png").click()
    expect(page.get_by_text("A synthetic phantom, not a patient.")).to_be_visible()
    expect(page.get_by_role("heading", name="How far to trust this score")).to_be_visible()
    page.get_by_label("Note (optional)").fill("looked at by the browser")
    page.get_by_role("button", name=re.compile("^Confirm")).click()
    expect(page.get_by_role("status").first).to_contain_text("Confirmed: first.png")
    expect(page.get_by_text("looked at by the browser")).to_be_visible()


@pytest.mark.browser_errors("net::ERR_FAILED", "status of 413")
def test_failed_uploads_are_sent_again(page: Page, live_stack: LiveStack, films: list[Path]) -> None:
    """A lost answer is repeated without a question; for a file that a proxy refuses, the user is asked."""
    requests = 0

    def fail_first_requests(route: Route) -> None:
        nonlocal requests
        requests += 1
        if requests == 1:
            route.abort()
        elif requests == 2:
            route.fulfill(status=413, body="too large for this proxy")
        else:
            route.continue_()

    create_and_sign_in(page, live_stack, "unlucky")
    page.route("**/files", fail_first_requests)
    page.get_by_label("Name of the batch").fill("Through a bad line")
    page.get_by_label("Choose files").set_input_files(films[:4])
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.get_by_role("table", name="Files")).to_contain_text("413")
    expect(page.locator("[data-count]")).to_have_text("1 of 4 files could not be uploaded.")
    page.get_by_role("button", name="Retry failed files").click()
    expect(page.locator("[data-headline]")).to_contain_text("4 films screened", timeout=SCREENING)


def test_a_verdict_opens_the_next_film_of_the_queue(page: Page, live_stack: LiveStack, films: list[Path]) -> None:
    create_and_sign_in(page, live_stack, "reviewer", staff=True)
    send_films(page, "For the queue", films[:2])
    page.get_by_role("link", name="Reviews").click()
    before = int(page.locator(".site-nav__count").inner_text().split()[0])
    page.get_by_role("link", name="Start with the oldest film").click()
    page.get_by_role("button", name="Overturn").click()
    expect(page.get_by_role("status").first).to_contain_text("Overturned")
    expect(page.get_by_role("heading", name="Your verdict")).to_be_visible()
    assert int(page.locator(".site-nav__count").inner_text().split()[0]) == before - 1


def test_charts_are_drawn_and_pages_fit_a_phone(page: Page, live_stack: LiveStack) -> None:
    create_and_sign_in(page, live_stack, "phone")
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/", "/model", "/models/seed-cnn", "/account", "/account/password"):
        page.goto(live_stack.base_url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    for model, number in (("screener", 4), ("seed-cnn", 5)):  # the screener's training logs no accuracy
        page.goto(f"{live_stack.base_url}/models/{model}")
        charts = page.locator(".chart img")
        expect(charts).to_have_count(number)
        for chart in charts.all():
            chart.scroll_into_view_if_needed()
            expect(chart).to_have_js_property("complete", True)
            assert chart.evaluate("image => image.naturalWidth") > 0
