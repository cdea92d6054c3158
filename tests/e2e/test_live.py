"""Live update of a batch's page: at the end it equals the page that a reload shows."""

from __future__ import annotations

import os
import re
import signal
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.chaos.films import films as many_films
from tests.conftest import LiveStack
from tests.e2e.conftest import NewWindow
from tests.e2e.site_data import create_users, paused_worker
from tests.e2e.steps import SCREENING, sign_in, wait_until_finished
from tests.e2e.test_upload import phantoms
from xrayscreen import Client, Upload

pytestmark = pytest.mark.e2e

READER = "live-reader"
VIEWS = (
    "", "?page=2", "?view=table", "?view=table&page=2&sort=name", "?sort=score", "?sort=uncertainty&view=table",
    "?state=done", "?state=cancelled", "?decision=negative&sort=score", "?bar=0",
)  # fmt: skip
# The page's body without what differs between two answers (tokens) and what belongs to the user: open details and the
# text for screen readers.
BODY_LINES = """() => {
  const copy = document.body.cloneNode(true);
  for (const part of copy.querySelectorAll("[name=csrfmiddlewaretoken], [data-announce]")) part.remove();
  for (const part of copy.querySelectorAll("details")) part.removeAttribute("open");
  return copy.innerHTML.replace(/\\s+/g, " ").replace(/> </g, ">\\n<").split("\\n");
}"""


@pytest.fixture(scope="module")
def client(live_stack: LiveStack) -> Client:
    """Return the API client of a reviewer who owns the batches."""
    keys = create_users(live_stack.stack, {READER: True}, [READER])
    return Client(live_stack.base_url, keys[READER])


@pytest.fixture
def reader(page: Page, client: Client, live_stack: LiveStack) -> Page:
    sign_in(page, live_stack.base_url, READER)
    return page


def body_lines(page: Page) -> list[str]:
    lines: list[str] = page.evaluate(BODY_LINES)
    return lines


def assert_equal_after_reload(page: Page) -> None:
    """Assert that the updated page equals the page that the server renders now."""
    expect(page.locator("[data-final]")).to_be_attached()
    live = body_lines(page)
    page.reload()
    assert live == body_lines(page)
    assert len(live) > 50


def open_batch(page: Page, client: Client, batch: str, query: str = "") -> Page:
    page.goto(f"{client.server}/batches/{batch}{query}")
    expect(page.locator("[data-live]")).to_be_attached()
    page.evaluate("window.notReloaded = true")
    return page


def create_batch(client: Client, uploads: list[Upload], name: str) -> str:
    batch = client.create_batch(name)
    client.add_all(batch, uploads, id)
    return batch


def is_not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.notReloaded === true"))


def test_all_films_of_an_archive_appear(reader: Page, client: Client, live_stack: LiveStack, tmp_path: Path) -> None:
    folder = phantoms(tmp_path / "ward", 85)
    with zipfile.ZipFile(tmp_path / "ward.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.name)
    with paused_worker(live_stack.stack):
        reader.get_by_label("Choose files").set_input_files(tmp_path / "ward.zip")
        reader.get_by_role("button", name="Upload and screen").click()
        expect(reader.locator("[data-state-badges]")).to_contain_text("Screening")
        reader.evaluate("window.notReloaded = true")
    expect(reader.locator("[data-final]")).to_be_attached(timeout=SCREENING)
    assert is_not_reloaded(reader)
    expect(reader.locator(".film-tile")).to_have_count(60)
    expect(reader.locator(".pagination")).to_contain_text("Page 1 of 2")
    expect(reader.locator("#films .heading-count")).to_have_text("86")
    expect(reader.locator("summary", has_text="Run again")).to_be_visible()
    expect(reader.get_by_role("link", name="Open the reading room")).to_be_visible()
    expect(reader.get_by_text("Cancel batch…")).to_have_count(0)
    assert_equal_after_reload(reader)
    reader.get_by_role("link", name="Next").click()
    expect(reader.locator(".film-tile")).to_have_count(26)


def test_every_view_of_the_list_equals_a_reload(reader: Page, client: Client, live_stack: LiveStack) -> None:
    """Some films are cancelled and some rejected."""
    mixed = [*many_films(70), Upload("notes.txt", b"no film"), Upload("cut.png", many_films(1)[0].data()[:3000])]
    batch = create_batch(client, mixed, "Many views")
    with paused_worker(live_stack.stack):
        client.submit(batch)
        pages = [
            open_batch(reader if not query else reader.context.new_page(), client, batch, query) for query in VIEWS
        ]
    for page in pages:
        expect(page.locator("[data-final]")).to_be_attached(timeout=SCREENING)
    for page in pages:
        assert is_not_reloaded(page)
        assert_equal_after_reload(page)


def test_a_batch_that_is_cancelled_elsewhere(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = create_batch(client, many_films(30), "Cancelled elsewhere")
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(reader, client, batch)
        client.cancel(batch)
        expect(reader.locator("[data-state-badges]")).to_contain_text(re.compile("Cancelled|Screening"))
    expect(reader.locator("[data-state-badges]")).to_contain_text("Cancelled", timeout=SCREENING)
    assert is_not_reloaded(reader)
    assert_equal_after_reload(reader)


def test_an_open_batch_that_is_filled_and_submitted_elsewhere(reader: Page, client: Client) -> None:
    batch = client.create_batch("Filled elsewhere")
    open_batch(reader, client, batch)
    client.add_all(batch, many_films(4), id)
    expect(reader.locator("[data-headline]")).to_have_text("4 films ready to screen")
    expect(reader.get_by_role("button", name="Screen uploaded files")).to_be_visible()
    client.submit(batch)
    wait_until_finished(reader)
    assert is_not_reloaded(reader)
    assert_equal_after_reload(reader)


def test_a_batch_with_rejected_files_only(reader: Page, client: Client) -> None:
    batch = client.create_batch("Nothing but notes")
    open_batch(reader, client, batch)
    client.add_all(batch, [Upload(f"notes-{number}.txt", b"no film %d" % number) for number in range(3)], id)
    client.submit(batch)
    wait_until_finished(reader)
    expect(reader.locator("[data-part=refusals]")).to_contain_text("notes-2.txt")
    assert is_not_reloaded(reader)
    assert_equal_after_reload(reader)


def test_selected_files_stay_while_others_arrive(reader: Page, client: Client) -> None:
    batch = create_batch(client, many_films(1), "Two senders")
    open_batch(reader, client, batch)
    reader.locator("summary", has_text="Add more films first").click()
    film: FilePayload = {"name": "mine.png", "mimeType": "image/png", "buffer": many_films(3)[2].data()}
    reader.locator("input[name=file]").set_input_files([film])
    expect(reader.locator("[data-title]")).to_contain_text("1 file")
    client.add_all(batch, many_films(2), id)
    expect(reader.locator("[data-headline]")).to_have_text("2 films ready to screen")
    expect(reader.locator("[data-title]")).to_contain_text("1 file")
    reader.locator("[data-go]").click()
    wait_until_finished(reader)
    expect(reader.locator("[data-headline]")).to_contain_text("3 films screened")


MARK_PICTURES = "images => images.forEach((image) => { image.marked = image.closest('.film-tile').dataset.film; })"
COUNT_MARKED = "images => images.filter((image) => image.marked === image.closest('.film-tile').dataset.film).length"


def test_pictures_and_open_details_stay_during_updates(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = create_batch(client, many_films(120), "Seen growing")
    client.submit(batch)
    open_batch(reader, client, batch)
    reader.locator(".histogram summary").click()
    expect(reader.locator(".film-tile img").first).to_be_attached(timeout=SCREENING)
    with paused_worker(live_stack.stack):
        reader.wait_for_timeout(4000)
        marked = reader.locator(".film-tile img").count()
        reader.locator(".film-tile img").evaluate_all(MARK_PICTURES)
        if not reader.locator("[data-final]").count():
            reader.get_by_text("Cancel batch…").click()
    wait_until_finished(reader)
    assert reader.locator(".film-tile img").evaluate_all(COUNT_MARKED) == marked > 0
    assert reader.locator(".histogram details").get_attribute("open") is not None
    assert reader.locator("[data-key=rerun]").get_attribute("open") is None  # this one was not opened
    assert_equal_after_reload(reader)


def test_a_film_with_the_focus_keeps_its_position(reader: Page, client: Client, live_stack: LiveStack) -> None:
    """The list is sorted by score, and the scores arrive one after the other."""
    batch = create_batch(client, many_films(24), "Standing")
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(reader, client, batch, "?sort=score")
        reader.locator(".film-tile a").nth(5).focus()
        tiles = "[...document.querySelectorAll('.film-tile')]"
        focused = f"() => {tiles}.findIndex((tile) => tile.contains(document.activeElement))"
        names = reader.locator(".film-tile__name").all_inner_texts()
    wait_until_finished(reader)
    assert reader.evaluate(focused) == 5
    assert reader.locator(".film-tile__name").all_inner_texts() == names
    expect(reader.locator(".film-tile img")).to_have_count(24)
    reader.evaluate("document.activeElement.blur()")
    expect(reader.locator(".film-tile__name")).not_to_have_text(names)
    assert_equal_after_reload(reader)


def test_screen_readers_hear_quarters_only(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = create_batch(client, many_films(24), "Read aloud")
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(reader, client, batch)
        reader.evaluate("""() => {
          window.announced = [];
          const announce = document.querySelector("[data-announce]");
          const observer = new MutationObserver(() => window.announced.push(announce.textContent));
          observer.observe(announce, { childList: true, characterData: true, subtree: true });
        }""")
    wait_until_finished(reader)
    announced: list[str] = reader.evaluate("window.announced")
    assert 1 <= len(announced) <= 5
    assert announced[-1] == reader.locator("[data-headline]").inner_text()


@pytest.mark.browser_errors("net::ERR_", "request: GET")
def test_a_lost_connection_that_comes_back(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = create_batch(client, many_films(6), "Connection lost")
    lost: list[str] = []
    reader.on("requestfailed", lambda request: lost.append(request.url))
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(reader, client, batch)
        reader.context.set_offline(True)
    client.wait(batch, timeout=SCREENING / 1000)
    for _ in range(200):
        if len(lost) >= 2:
            break
        reader.wait_for_timeout(100)
    assert reader.locator("[data-final]").count() == 0
    reader.context.set_offline(False)
    wait_until_finished(reader)
    assert is_not_reloaded(reader)
    assert_equal_after_reload(reader)


@pytest.mark.browser_errors("net::ERR_", "status of 50", "request: GET")
def test_a_server_that_restarts(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = create_batch(client, many_films(6), "Server restarted")
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(reader, client, batch)
        entry = next(entry for entry in live_stack.stack.supervisor._entries if entry.spec.name == "web")
        os.kill(entry.child.pid, signal.SIGKILL)
        reader.wait_for_timeout(3000)
    wait_until_finished(reader)
    assert is_not_reloaded(reader)
    assert_equal_after_reload(reader)


def test_a_hidden_window_sends_no_requests_until_it_is_visible(
    new_window: NewWindow, client: Client, live_stack: LiveStack
) -> None:
    page = new_window()
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.isHidden === true })")
    sign_in(page, live_stack.base_url, READER)
    batch = create_batch(client, many_films(6), "Hidden")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    with paused_worker(live_stack.stack):
        client.submit(batch)
        open_batch(page, client, batch)
        page.evaluate("window.isHidden = true")
        page.wait_for_timeout(1500)
        requests.clear()
    client.wait(batch, timeout=SCREENING / 1000)
    page.wait_for_timeout(1500)
    assert requests == []
    page.evaluate("window.isHidden = false")
    wait_until_finished(page)
    assert is_not_reloaded(page)
    assert_equal_after_reload(page)
