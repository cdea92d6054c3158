"""Every page, in every situation: no violation of WCAG 2.2 AA, no sideways scrolling, no word from the console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLPattern
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.urls import urlpatterns
from tests.e2e.browsers import DESKTOP, PHONE, listen
from tests.e2e.pages import FACES, Face
from tests.e2e.world import REVIEWER, Visitor, World

pytestmark = pytest.mark.e2e

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What changes with colours and width; the other rules look at the same elements at any width.
LOOKS = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
NARROWEST = 320  # CSS pixels; WCAG 2.2, 1.4.10: no scrolling in two dimensions

Desk = Callable[[Face], tuple[Page, list[str]]]


@pytest.fixture(scope="module")
def desk(browser: Browser, world: World) -> Iterator[Desk]:
    """A new page for whoever looks at a face, and what it complains of; each person keeps their browser."""
    kept: dict[str, tuple[BrowserContext, list[str]]] = {}

    def sit_down(face: Face) -> tuple[Page, list[str]]:
        if face.who not in kept:
            state = world.states[face.who] if face.who else None
            kept[face.who] = browser.new_context(reduced_motion="reduce", storage_state=state), []
            listen(*kept[face.who])
        context, complaints = kept[face.who]
        for page in context.pages:
            page.close()
        complaints.clear()
        return context.new_page(), complaints

    yield sit_down
    for context, _ in kept.values():
        context.close()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_pages_can_be_used_by_everybody(face: Face, world: World, desk: Desk) -> None:
    """On a desktop in light colours; then on a phone in dark ones, with everything unfolded."""
    page, complaints = desk(face)
    show(page, DESKTOP, "light")
    with face.place(world) as address:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == face.status
        face.prepare(page)
        page.evaluate(AXE_SCRIPT)  # past the page's policy, which allows no foreign script
        found = violations(page, face, {"type": "rule", "values": LOOKS})
        show(page, PHONE, "dark")
        page.evaluate("for (const one of document.querySelectorAll('details:not(.confirm)')) one.open = true")
        found += violations(page, face, {"type": "tag", "values": TAGS})
        show(page, (NARROWEST, PHONE[1]), "dark")
        wide = page.evaluate("document.documentElement.scrollWidth")
    assert found == []
    assert wide <= NARROWEST or face.theirs
    assert [said for said in complaints if not (face.complaints and re.search(face.complaints, said))] == []


def show(page: Page, size: tuple[int, int], theme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.evaluate(
        "() => Promise.allSettled(document.getAnimations().map((one) => one.finished))"
    )  # Django's pages fade


def violations(page: Page, face: Face, rules: Mapping[str, Any]) -> list[str]:
    """What axe finds on a page, a line each."""
    context: Any = {"include": [["html"]], "exclude": [[selector] for selector in face.theirs]}
    options: dict[str, Any] = {"runOnly": rules, "resultTypes": ["violations"]}
    if face.theirs:
        options["rules"] = {"landmark-one-main": {"enabled": False}}  # which is theirs
    found = page.evaluate("([context, options]) => axe.run(context, options)", [context, options])["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def test_no_page_is_forgotten(world: World) -> None:
    """Every address of the dashboard that answers with a page of its own is among those that are looked at."""
    reviewer = Visitor(world.server, REVIEWER)
    held = reviewer.send_form("/reading/next").url.rsplit("/", 1)[-1]
    known = {face.view for face in FACES}
    forgotten = []
    for pattern in urlpatterns:
        answer = reviewer.get(world.server + "/" + address_of(pattern, world, held), allow_redirects=False)
        is_page = "text/html" in answer.headers.get("Content-Type", "") and "<html" in answer.text
        if answer.status_code < 300 and is_page and pattern.name not in known:
            forgotten.append(pattern.name)
    reviewer.send_form("/reading/back")
    assert forgotten == []
    names = [face.name for face in FACES]
    assert len(set(names)) == len(names)


def address_of(pattern: URLPattern, world: World, held: str) -> str:
    """A route with something real in every place for an id."""
    route = str(pattern.pattern)
    places = {"batches": world.batches["again"], "films": world.films["screened"], "reading": held, "account": "0"}
    known = {"pk": places.get(route.split("/")[0], ""), "name": "screener", "kind": "roc"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda place: known[place[1]], route)


def test_the_check_would_find_a_fault(page: Page) -> None:
    """A picture without words, faint text, a field without a name: who finds none of these, finds nothing."""
    page.set_content('<html><img src="data:,"><p style="color: #bbb">faint</p><input></html>')
    page.evaluate(AXE_SCRIPT)
    found = " ".join(violations(page, FACES[0], {"type": "tag", "values": TAGS}))
    assert all(rule in found for rule in ("image-alt", "color-contrast", "label", "html-has-lang", "region"))
