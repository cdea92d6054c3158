"""A batch's page that was open while its films were screened is the page that a reload shows."""

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
from tests.e2e.conftest import Window
from tests.e2e.steps import SCREENING, enter, finished
from tests.e2e.test_upload import phantoms
from tests.e2e.world import make_people, worker_held_up
from xrayscreen import Client, Upload

pytestmark = pytest.mark.e2e

READER = "live-reader"
VIEWS = (
    "", "?page=2", "?view=table", "?view=table&page=2&sort=name", "?sort=score", "?sort=uncertainty&view=table",
    "?state=done", "?state=cancelled", "?decision=negative&sort=score", "?bar=0",
)  # fmt: skip
# Everything between the page's head and its foot, but for what differs from one answer to the next and for what
# belongs to the person who looks: what is open, and the words that were read aloud.
SHOWN = """() => {
  const copy = document.body.cloneNode(true);
  for (const part of copy.querySelectorAll("[name=csrfmiddlewaretoken], [data-announce]")) part.remove();
  for (const part of copy.querySelectorAll("details")) part.removeAttribute("open");
  return copy.innerHTML.replace(/\\s+/g, " ").replace(/> </g, ">\\n<").split("\\n");
}"""


@pytest.fixture(scope="module")
def client(live_stack: LiveStack) -> Client:
    """The interface, as a reviewer whose batches these are."""
    keys = make_people(live_stack.stack, {READER: True}, [READER])
    return Client(live_stack.base_url, keys[READER])


@pytest.fixture
def reader(page: Page, client: Client, live_stack: LiveStack) -> Page:
    enter(page, live_stack.base_url, READER)
    return page


def shown(page: Page) -> list[str]:
    lines: list[str] = page.evaluate(SHOWN)
    return lines


def same_when_loaded(page: Page) -> None:
    """Compare the page as it has become with the page as the server renders it for somebody who comes now."""
    expect(page.locator("[data-final]")).to_be_attached()
    live = shown(page)
    page.reload()
    assert live == shown(page)
    assert len(live) > 50


def opened(page: Page, client: Client, batch: str, query: str = "") -> Page:
    page.goto(f"{client.server}/batches/{batch}{query}")
    expect(page.locator("[data-live]")).to_be_attached()
    page.evaluate("window.untouched = true")
    return page


def sent(client: Client, uploads: list[Upload], name: str) -> str:
    batch = client.create_batch(name)
    client.add_all(batch, uploads, id)
    return batch


def untouched(page: Page) -> bool:
    return bool(page.evaluate("window.untouched === true"))


def test_an_archive_of_85_films_is_all_there_when_it_has_finished(
    reader: Page, client: Client, live_stack: LiveStack, tmp_path: Path
) -> None:
    folder = phantoms(tmp_path / "ward", 85)
    with zipfile.ZipFile(tmp_path / "ward.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.name)
    with worker_held_up(live_stack.stack):
        reader.get_by_label("Choose files").set_input_files(tmp_path / "ward.zip")
        reader.get_by_role("button", name="Upload and screen").click()
        expect(reader.locator("[data-state-badges]")).to_contain_text("Screening")
        reader.evaluate("window.untouched = true")
    expect(reader.locator("[data-final]")).to_be_attached(timeout=SCREENING)
    assert untouched(reader)
    expect(reader.locator(".film-tile")).to_have_count(60)
    expect(reader.locator(".pagination")).to_contain_text("Page 1 of 2")
    expect(reader.locator("#films .heading-count")).to_have_text("86")
    expect(reader.locator("summary", has_text="Run again")).to_be_visible()
    expect(reader.get_by_role("link", name="Open the reading room")).to_be_visible()
    expect(reader.get_by_text("Cancel batch…")).to_have_count(0)
    same_when_loaded(reader)
    reader.get_by_role("link", name="Next").click()
    expect(reader.locator(".film-tile")).to_have_count(26)


def test_every_view_of_a_list_becomes_what_a_reload_shows(
    reader: Page, client: Client, live_stack: LiveStack
) -> None:
    """Also where some films are cancelled and some refused."""
    mixed = [*many_films(70), Upload("notes.txt", b"no film"), Upload("cut.png", many_films(1)[0].data()[:3000])]
    batch = sent(client, mixed, "Many views")
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        pages = [opened(reader if not query else reader.context.new_page(), client, batch, query) for query in VIEWS]
    for page in pages:
        expect(page.locator("[data-final]")).to_be_attached(timeout=SCREENING)
    for page in pages:
        assert untouched(page)
        same_when_loaded(page)


def test_a_cancelled_batch(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = sent(client, many_films(30), "Cancelled elsewhere")
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(reader, client, batch)
        client.cancel(batch)
        expect(reader.locator("[data-state-badges]")).to_contain_text(re.compile("Cancelled|Screening"))
    expect(reader.locator("[data-state-badges]")).to_contain_text("Cancelled", timeout=SCREENING)
    assert untouched(reader)
    same_when_loaded(reader)


def test_an_open_batch_that_fills_and_is_submitted_elsewhere(reader: Page, client: Client) -> None:
    batch = client.create_batch("Filled elsewhere")
    opened(reader, client, batch)
    client.add_all(batch, many_films(4), id)
    expect(reader.locator("[data-headline]")).to_have_text("4 films ready to screen")
    expect(reader.get_by_role("button", name="Screen uploaded files")).to_be_visible()
    client.submit(batch)
    finished(reader)
    assert untouched(reader)
    same_when_loaded(reader)


def test_a_batch_of_which_everything_is_rejected(reader: Page, client: Client) -> None:
    batch = client.create_batch("Nothing but notes")
    opened(reader, client, batch)
    client.add_all(batch, [Upload(f"notes-{number}.txt", b"no film %d" % number) for number in range(3)], id)
    client.submit(batch)
    finished(reader)
    expect(reader.locator("[data-part=refusals]")).to_contain_text("notes-2.txt")
    assert untouched(reader)
    same_when_loaded(reader)


def test_files_chosen_in_an_open_batch_stay_chosen_while_others_arrive(reader: Page, client: Client) -> None:
    batch = sent(client, many_films(1), "Two senders")
    opened(reader, client, batch)
    reader.locator("summary", has_text="Add more films first").click()
    film: FilePayload = {"name": "mine.png", "mimeType": "image/png", "buffer": many_films(3)[2].data()}
    reader.locator("input[name=file]").set_input_files([film])
    expect(reader.locator("[data-title]")).to_contain_text("1 file")
    client.add_all(batch, many_films(2), id)
    expect(reader.locator("[data-headline]")).to_have_text("2 films ready to screen")
    expect(reader.locator("[data-title]")).to_contain_text("1 file")
    reader.locator("[data-go]").click()
    finished(reader)
    expect(reader.locator("[data-headline]")).to_contain_text("3 films screened")


MARK = "images => images.forEach((image) => { image.marked = image.closest('.film-tile').dataset.film; })"
UNMOVED = "images => images.filter((image) => image.marked === image.closest('.film-tile').dataset.film).length"


def test_pictures_and_what_is_open_stay_while_the_rest_is_renewed(
    reader: Page, client: Client, live_stack: LiveStack
) -> None:
    batch = sent(client, many_films(120), "Seen growing")
    client.submit(batch)
    opened(reader, client, batch)
    reader.locator(".histogram summary").click()
    expect(reader.locator(".film-tile img").first).to_be_attached(timeout=SCREENING)
    with worker_held_up(live_stack.stack):
        reader.wait_for_timeout(4000)
        marked = reader.locator(".film-tile img").count()
        reader.locator(".film-tile img").evaluate_all(MARK)
        if not reader.locator("[data-final]").count():
            reader.get_by_text("Cancel batch…").click()
    finished(reader)
    assert reader.locator(".film-tile img").evaluate_all(UNMOVED) == marked > 0
    assert reader.locator(".histogram details").get_attribute("open") is not None
    assert reader.locator("[data-key=rerun]").get_attribute("open") is None  # it is not the one that was opened
    same_when_loaded(reader)


def test_the_film_somebody_stands_on_does_not_move(reader: Page, client: Client, live_stack: LiveStack) -> None:
    """In the order of the scores, which come one by one."""
    batch = sent(client, many_films(24), "Standing")
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(reader, client, batch, "?sort=score")
        reader.locator(".film-tile a").nth(5).focus()
        tiles = "[...document.querySelectorAll('.film-tile')]"
        focused = f"() => {tiles}.findIndex((tile) => tile.contains(document.activeElement))"
        names = reader.locator(".film-tile__name").all_inner_texts()
    finished(reader)
    assert reader.evaluate(focused) == 5
    assert reader.locator(".film-tile__name").all_inner_texts() == names
    expect(reader.locator(".film-tile img")).to_have_count(24)
    reader.evaluate("document.activeElement.blur()")
    expect(reader.locator(".film-tile__name")).not_to_have_text(names)
    same_when_loaded(reader)


def test_only_quarters_are_read_aloud(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = sent(client, many_films(24), "Read aloud")
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(reader, client, batch)
        reader.evaluate("""() => {
          window.said = [];
          const announce = document.querySelector("[data-announce]");
          const observer = new MutationObserver(() => window.said.push(announce.textContent));
          observer.observe(announce, { childList: true, characterData: true, subtree: true });
        }""")
    finished(reader)
    said: list[str] = reader.evaluate("window.said")
    assert 1 <= len(said) <= 5
    assert said[-1] == reader.locator("[data-headline]").inner_text()


@pytest.mark.complains("net::ERR_", "request: GET")
def test_a_line_that_is_lost_for_a_while(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = sent(client, many_films(6), "Line lost")
    lost: list[str] = []
    reader.on("requestfailed", lambda request: lost.append(request.url))
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(reader, client, batch)
        reader.context.set_offline(True)
    client.wait(batch, timeout=SCREENING / 1000)
    for _ in range(200):
        if len(lost) >= 2:
            break
        reader.wait_for_timeout(100)
    assert reader.locator("[data-final]").count() == 0
    reader.context.set_offline(False)
    finished(reader)
    assert untouched(reader)
    same_when_loaded(reader)


@pytest.mark.complains("net::ERR_", "status of 50", "request: GET")
def test_a_server_that_restarts(reader: Page, client: Client, live_stack: LiveStack) -> None:
    batch = sent(client, many_films(6), "Server restarted")
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(reader, client, batch)
        entry = next(one for one in live_stack.stack.supervisor._entries if one.spec.name == "web")
        os.kill(entry.child.pid, signal.SIGKILL)
        reader.wait_for_timeout(3000)
    finished(reader)
    assert untouched(reader)
    same_when_loaded(reader)


def test_a_hidden_window_asks_for_nothing_and_goes_on_when_it_is_seen(
    window: Window, client: Client, live_stack: LiveStack
) -> None:
    page = window()
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away === true })")
    enter(page, live_stack.base_url, READER)
    batch = sent(client, many_films(6), "Hidden")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with worker_held_up(live_stack.stack):
        client.submit(batch)
        opened(page, client, batch)
        page.evaluate("window.away = true")
        page.wait_for_timeout(1500)
        asked.clear()
    client.wait(batch, timeout=SCREENING / 1000)
    page.wait_for_timeout(1500)
    assert asked == []
    page.evaluate("window.away = false")
    finished(page)
    assert untouched(page)
    same_when_loaded(page)
