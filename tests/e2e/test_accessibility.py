"""Every page in every state: no violation of WCAG 2.2 AA, no horizontal scrolling, no error in the console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLPattern
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.urls import urlpatterns
from tests.e2e.browsers import DESKTOP, PHONE, record_messages
from tests.e2e.pages import PAGE_STATES, PageState
from tests.e2e.site_data import REVIEWER, SignedInSession, SiteData

pytestmark = pytest.mark.e2e

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that depend on colours and width; the others give the same result at any width.
VISUAL_RULES = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
MIN_WIDTH = 320  # CSS pixels; WCAG 2.2, 1.4.10: no scrolling in two dimensions

OpenPage = Callable[[PageState], tuple[Page, list[str]]]


@pytest.fixture(scope="module")
def open_page(browser: Browser, site_data: SiteData) -> Iterator[OpenPage]:
    """Return a function that opens an empty page for a state's user, with its list of errors; one session a user."""
    contexts: dict[str, tuple[BrowserContext, list[str]]] = {}

    def open_new(page_state: PageState) -> tuple[Page, list[str]]:
        if page_state.username not in contexts:
            state = site_data.states[page_state.username] if page_state.username else None
            contexts[page_state.username] = browser.new_context(reduced_motion="reduce", storage_state=state), []
            record_messages(*contexts[page_state.username])
        context, complaints = contexts[page_state.username]
        for page in context.pages:
            page.close()
        complaints.clear()
        return context.new_page(), complaints

    yield open_new
    for context, _ in contexts.values():
        context.close()


@pytest.mark.parametrize("page_state", PAGE_STATES, ids=lambda page_state: page_state.name)
def test_pages_are_accessible(page_state: PageState, site_data: SiteData, open_page: OpenPage) -> None:
    """Check a desktop in the light theme, then a phone in the dark theme with all details open."""
    page, complaints = open_page(page_state)
    set_view(page, DESKTOP, "light")
    with page_state.open_address(site_data) as address:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == page_state.status
        page_state.prepare(page)
        page.evaluate(AXE_SCRIPT)  # past the page's policy, which allows no foreign script
        found = find_violations(page, page_state, {"type": "rule", "values": VISUAL_RULES})
        set_view(page, PHONE, "dark")
        page.evaluate("for (const details of document.querySelectorAll('details:not(.confirm)')) details.open = true")
        found += find_violations(page, page_state, {"type": "tag", "values": TAGS})
        set_view(page, (MIN_WIDTH, PHONE[1]), "dark")
        wide = page.evaluate("document.documentElement.scrollWidth")
    assert found == []
    assert wide <= MIN_WIDTH or page_state.excluded
    allowed = page_state.allowed_messages
    assert [text for text in complaints if not (allowed and re.search(allowed, text))] == []


def set_view(page: Page, size: tuple[int, int], theme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.evaluate(
        "() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished))"
    )  # Django's pages fade in


def find_violations(page: Page, page_state: PageState, rules: Mapping[str, Any]) -> list[str]:
    """Return what axe finds on a page, a line for each violation."""
    context: Any = {"include": [["html"]], "exclude": [[selector] for selector in page_state.excluded]}
    options: dict[str, Any] = {"runOnly": rules, "resultTypes": ["violations"]}
    if page_state.excluded:
        options["rules"] = {"landmark-one-main": {"enabled": False}}  # the excluded parts contain it
    found = page.evaluate("([context, options]) => axe.run(context, options)", [context, options])["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def test_every_page_is_in_the_list(site_data: SiteData) -> None:
    """Every address of the dashboard that answers with a page is in the list of pages."""
    reviewer = SignedInSession(site_data.server, REVIEWER)
    held = reviewer.send_form("/reading/next").url.rsplit("/", 1)[-1]
    known = {page_state.view for page_state in PAGE_STATES}
    missing = []
    for pattern in urlpatterns:
        answer = reviewer.get(site_data.server + "/" + address_of(pattern, site_data, held), allow_redirects=False)
        is_page = "text/html" in answer.headers.get("Content-Type", "") and "<html" in answer.text
        if answer.status_code < 300 and is_page and pattern.name not in known:
            missing.append(pattern.name)
    reviewer.send_form("/reading/back")
    assert missing == []
    names = [page_state.name for page_state in PAGE_STATES]
    assert len(set(names)) == len(names)


def address_of(pattern: URLPattern, site_data: SiteData, held: str) -> str:
    """Return the path of a route, with existing ids in the place of its parameters."""
    route = str(pattern.pattern)
    batch, film = site_data.batches["again"], site_data.films["screened"]
    ids = {"batches": batch, "films": film, "reading": held, "account": "0"}
    values = {"pk": ids.get(route.split("/")[0], ""), "name": "screener", "kind": "roc"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda parameter: values[parameter[1]], route)


def test_the_check_finds_violations(page: Page) -> None:
    """A picture without alternative text, text without contrast and a field without a label are found."""
    page.set_content('<html><img src="data:,"><p style="color: #bbb">faint</p><input></html>')
    page.evaluate(AXE_SCRIPT)
    found = " ".join(find_violations(page, PAGE_STATES[0], {"type": "tag", "values": TAGS}))
    assert all(rule in found for rule in ("image-alt", "color-contrast", "label", "html-has-lang", "region"))
