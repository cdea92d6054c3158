"""Sending films from a real browser to the real system: any mix, through bad lines, and many of them."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes
from tests.conftest import LiveStack
from tests.e2e.steps import SCREENING, sign_in
from tests.e2e.world import PASSWORD

pytestmark = pytest.mark.e2e

SIDE = 96
LANES = 4
Rows = list[dict[str, Any]]


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """A folder of forty small phantoms in two folders."""
    return phantoms(tmp_path / "Ward 3", 40)


@pytest.fixture(autouse=True)
def _leaving_is_confirmed(page: Page) -> None:
    """The page asks before it is left in the middle of an upload."""
    page.on("dialog", lambda dialog: dialog.accept())


def phantoms(folder: Path, number: int) -> Path:
    """One phantom, each time with other corner pixels: drawing hundreds would take longer than sending them."""
    film = Image.open(BytesIO(png_bytes(PhantomSpec(SIDE, SIDE, seed=1)))).convert("L")
    for index in range(number):
        place = folder / ("left" if index % 2 else "right")
        place.mkdir(parents=True, exist_ok=True)
        film.putpixel((0, 0), index % 256)
        film.putpixel((1, 0), index // 256)
        film.save(place / f"{index:04d}.png")
    return folder


def choose_folder(page: Page, folder: Path) -> None:
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_role("table", name="Files")).to_be_visible()


def rows_of(page: Page, batch: str = "") -> Rows:
    """All rows of a batch: of the one whose page this is, or of one by its address."""
    address = batch or page.url.partition("?")[0]
    answer = page.request.get(address.replace("/batches/", "/api/v1/batches/") + "/export.json")
    films: Rows = answer.json()["films"]
    return films


def wait_for_batch(page: Page, timeout: float = 30_000) -> None:
    page.wait_for_url(re.compile(r"/batches/[0-9a-f-]{36}"), timeout=timeout)


def newest_batch(page: Page) -> str:
    """The address of the newest batch on the first page."""
    href = page.locator(".batch-table a").first.get_attribute("href")
    return str(page.evaluate("href => new URL(href, location.href).href", href))


def path_of(route: Route) -> str:
    """Where the file that a request carries lies in its folder."""
    path = re.search(rb'name="path"\r\n\r\n(.+?)\r\n', route.request.post_data_buffer or b"")
    assert path
    return path[1].decode()


class Line:
    """The line to the server: notes which files of a folder pass, and can hold or lose them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.paths: list[str] = []
        self.held: list[Route] = []
        self.holding_after: int | None = None
        page.route(re.compile(r"/files$"), self._file)

    def _file(self, route: Route) -> None:
        if self.holding_after is not None and len(self.paths) >= self.holding_after:
            self.held.append(route)
            return
        self.paths.append(path_of(route))
        route.continue_()

    def wait_until_held(self, number: int = LANES) -> None:
        for _ in range(300):
            if len(self.held) >= number:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"only {len(self.held)} files came to be held")

    def release(self) -> None:
        """Let through what is held, and all that follows."""
        self.holding_after = None
        held, self.held = self.held, []
        for route in held:
            self._file(route)


def test_a_folder_of_anything_gets_a_row_for_each_file(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    folder = tmp_path / "Mixed"
    (folder / "inner").mkdir(parents=True)
    film = png_bytes(PhantomSpec(SIDE, SIDE, seed=1))
    (folder / "film.png").write_bytes(film)
    (folder / "inner" / "copy of film.png").write_bytes(film)
    (folder / "photo.jpg").write_bytes(jpeg_bytes(PhantomSpec(SIDE, SIDE, seed=2)))
    (folder / "inner" / "IM0001").write_bytes(dicom_bytes(PhantomSpec(SIDE, SIDE, seed=3, bits=12)))
    (folder / "notes.txt").write_text("no film")
    (folder / "empty.png").write_bytes(b"")
    (folder / ".DS_Store").write_bytes(b"hidden")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("study/zipped.png", png_bytes(PhantomSpec(SIDE, SIDE, seed=4)))
    with (folder / "large.dcm").open("wb") as large:
        large.truncate(64 * 1024 * 1024 + 1)

    sign_in(page, live_stack, "mixed")
    choose_folder(page, folder)
    expect(page.locator("[data-title]")).to_contain_text("7 files")
    expect(page.locator("[data-remarks]")).to_contain_text("1 hidden file skipped.")
    expect(page.locator("[data-remarks]")).to_contain_text("1 file will not be sent; the list says why.")
    page.get_by_role("button", name="Not sent").click()
    files = page.get_by_role("table", name="Files")
    expect(files.get_by_role("row")).to_have_count(1)
    expect(files).to_contain_text("Mixed/large.dcm")
    expect(files).to_contain_text("A film may have at most 64.0 MB.")

    page.get_by_role("button", name="Upload and screen").click()
    wait_for_batch(page)
    expect(page.locator("[data-state-badges]")).to_contain_text("Finished", timeout=SCREENING)
    rows = {row["file"]: row for row in rows_of(page)}
    assert set(rows) == {
        *(f"Mixed/{name}" for name in ("film.png", "photo.jpg", "inner/IM0001", "inner/copy of film.png")),
        *(f"Mixed/{name}" for name in ("notes.txt", "empty.png", "more.zip", "more.zip/study/zipped.png")),
    }  # fmt: skip
    codes = {name.removeprefix("Mixed/"): row["code"] for name, row in rows.items() if row["state"] == "rejected"}
    assert set(codes) == {"notes.txt", "empty.png", "inner/copy of film.png"} or set(codes) == {
        "notes.txt", "empty.png", "film.png",
    }  # whichever of the two came first  # fmt: skip
    assert sorted(codes.values()) == ["duplicate", "empty_file", "unsupported_kind"]
    states = Counter(row["state"] for row in rows.values())
    assert states == {"done": 4, "rejected": 3, "unpacked": 1}


@pytest.mark.complains("net::ERR_INTERNET_DISCONNECTED")
def test_a_lost_page_is_taken_up_where_it_broke_off(page: Page, live_stack: LiveStack, ward: Path) -> None:
    """Of 40 films 15 arrive, and of one more only the answer is lost; then the line is dead and the page is left."""
    sign_in(page, live_stack, "laptop")
    line = Line(page)
    line.holding_after = 15
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    _arrives_unheard(page, line.held[0], ward)
    page.route(re.compile(r"/(files|progress)$"), lambda route: route.abort("internetdisconnected"))
    for route in line.held:
        route.abort("internetdisconnected")
    expect(page.locator("[data-note]")).to_contain_text("Connection lost; waiting")
    page.unroute_all()

    page.goto(live_stack.base_url)
    batch = newest_batch(page)
    arrived = {row["file"] for row in rows_of(page, batch)}
    assert len(arrived) == 16
    unfinished = page.get_by_role("group", name="An upload is not finished")
    expect(unfinished).to_contain_text("16 of 40 files arrived; choose the folder “Ward 3” again")
    again = Line(page)
    choose_folder(page, ward)
    expect(unfinished.get_by_role("radio", name="Continue")).to_be_checked()
    page.get_by_role("button", name="Resume upload").click()
    wait_for_batch(page)
    assert page.url == batch
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40
    assert set(again.paths) == {row["file"] for row in rows} - arrived
    assert "rejected" not in {row["state"] for row in rows}
    page.goto(live_stack.base_url)
    expect(unfinished).to_be_hidden()


def _arrives_unheard(page: Page, request: Route, folder: Path) -> None:
    """The server gets what a request carries, and the page never hears of it."""
    path = path_of(request)
    film = folder.parent / path
    file = {"name": film.name, "mimeType": "image/png", "buffer": film.read_bytes()}
    fields: dict[str, Any] = {"csrfmiddlewaretoken": _token(page), "path": path, "file": file}
    assert page.request.post(request.request.url, multipart=fields).ok


@pytest.mark.complains("net::ERR_INTERNET_DISCONNECTED")
def test_a_line_that_comes_back_is_used_without_being_asked(page: Page, live_stack: LiveStack, ward: Path) -> None:
    sign_in(page, live_stack, "tunnel")
    line = Line(page)
    line.holding_after = 10
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    page.context.set_offline(True)
    line.release()
    expect(page.locator("[data-note]")).to_contain_text("Connection lost; waiting")
    page.context.set_offline(False)
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


@pytest.mark.complains(r"net::ERR_(CONNECTION|EMPTY|SOCKET)")
def test_a_killed_web_server_costs_no_file(page: Page, live_stack: LiveStack, ward: Path) -> None:
    sign_in(page, live_stack, "crash")
    line = Line(page)
    line.holding_after = 10
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    servers = [one for one in psutil.Process().children(recursive=True) if _is_web_of(live_stack, one)]
    assert servers
    for server in servers:
        server.kill()
    line.release()
    wait_for_batch(page, timeout=90_000)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def _is_web_of(stack: LiveStack, process: psutil.Process) -> bool:
    port = stack.base_url.rsplit(":", 1)[-1]
    words = process.cmdline()
    return "gunicorn" in " ".join(words) and any(word.endswith(f":{port}") for word in words)


def test_pause_and_go_on(page: Page, live_stack: LiveStack, ward: Path) -> None:
    sign_in(page, live_stack, "pausing")
    line = Line(page)
    line.holding_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-note]")).to_contain_text("Pausing when the files on their way have arrived")
    line.release()
    expect(page.locator("[data-note]")).to_have_text("Paused. Uploaded files are kept.")
    page.wait_for_timeout(1000)
    assert len(line.paths) == 8 + LANES
    page.get_by_role("button", name="Continue").click()
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def test_cancelling_asks_then_stops_everything(page: Page, live_stack: LiveStack, ward: Path) -> None:
    sign_in(page, live_stack, "cancelling")
    line = Line(page)
    line.holding_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Continue upload").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the batch").click()
    wait_for_batch(page)
    expect(page.locator("[data-state-badges]")).to_contain_text("Cancelled")
    assert [row["state"] for row in rows_of(page)] == ["cancelled"] * 8
    page.goto(live_stack.base_url)
    expect(page.get_by_role("group", name="An upload is not finished")).to_be_hidden()


def test_who_is_signed_out_signs_in_elsewhere_and_goes_on(
    browser: Browser, live_stack: LiveStack, ward: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, live_stack, "expired")
    line = Line(page)
    line.holding_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    context.clear_cookies(name="sessionid")
    line.release()
    expect(page.locator("[data-note]")).to_contain_text("Sign in again in another tab")
    other = context.new_page()
    other.goto(f"{live_stack.base_url}/login")
    other.get_by_label("Username").fill("expired")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Screen chest X-rays")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    wait_for_batch(page)
    rows = rows_of(page)
    context.close()
    assert len({row["file"] for row in rows}) == len(rows) == 40


@pytest.mark.complains("status of 403")
def test_a_full_quota_stops_everything_and_says_so(page: Page, live_stack: LiveStack, ward: Path) -> None:
    sign_in(page, live_stack, "frugal")
    set_quota = (
        "from django.contrib.auth.models import User; from screening.models import Quota;"
        "Quota.objects.update_or_create(user=User.objects.get(username='frugal'), defaults={'most_files': %s})"
    )
    live_stack.stack.run_management_command("shell", "--no-imports", "-c", set_quota % 12)
    page.reload()
    choose_folder(page, ward)
    expect(page.locator("[data-remarks]")).to_contain_text("Of your quota only 12 files are left")
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-note]")).to_contain_text("You have sent 12 files")
    expect(page.locator("[data-count]")).to_have_text("12 of 40 files arrived")
    live_stack.stack.run_management_command("shell", "--no-imports", "-c", set_quota % None)
    page.get_by_role("button", name="Continue").click()
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def test_a_file_that_was_moved_meanwhile_is_told_from_a_lost_line(
    page: Page, live_stack: LiveStack, ward: Path
) -> None:
    sign_in(page, live_stack, "mover")
    choose_folder(page, ward)
    (ward / "left" / "0001.png").unlink()
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-count]")).to_have_text("1 of 40 files could not be sent.")
    page.get_by_role("button", name="Not sent").click()
    row = page.get_by_role("row", name="Ward 3/left/0001.png")
    expect(row).to_contain_text("was it moved or changed? Choose it again.")
    page.get_by_role("button", name="Screen without these files").click()
    wait_for_batch(page)
    assert len(rows_of(page)) == 39


def test_part_of_a_folder_is_not_mistaken_for_all_of_it(page: Page, live_stack: LiveStack, ward: Path) -> None:
    """Who goes on with fewer files than before is asked before the batch is screened without the rest."""
    sign_in(page, live_stack, "halves")
    line = Line(page)
    line.holding_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    line.wait_until_held()
    page.unroute_all(behavior="ignoreErrors")
    page.goto(live_stack.base_url)
    for spare in (ward / "left").iterdir():
        spare.unlink()
    page.goto(newest_batch(page))
    expect(page.get_by_text("Choose the same folder again to continue")).to_be_attached()
    page.get_by_text("Add more films first").click()
    choose_folder(page, ward)
    page.get_by_role("button", name="Add and screen").click()
    expect(page.locator("[data-count]")).to_contain_text("of the 40 files chosen the first time are there")
    names = {row["file"] for row in rows_of(page)}
    assert {f"Ward 3/right/{index:04d}.png" for index in range(0, 40, 2)} <= names
    page.get_by_role("button", name="Screen without these files").click()
    expect(page.locator("[data-state-badges]")).to_contain_text("Finished", timeout=SCREENING)


def test_a_dropped_folder_is_read_to_its_end(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    """The browser hands out a hundred entries at a time; and a drop beside the zone counts too."""
    ward = phantoms(tmp_path / "Dropped", 230)
    (ward / ".hidden").mkdir()
    (ward / ".hidden" / "film.png").write_bytes(b"not seen")
    sign_in(page, live_stack, "dropper")
    page.wait_for_load_state()  # the script listens by then
    browser = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(ward)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 120, "data": data})
    expect(page.locator("[data-title]")).to_contain_text("230 files", timeout=SCREENING)
    expect(page.locator("[data-remarks]")).to_contain_text("1 hidden file skipped.")
    expect(page.get_by_role("row", name="Dropped/left/0001.png")).to_be_visible()


def test_very_many_files_leave_the_page_small(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    """The number of elements on the page does not depend on the number of files."""
    number = 1500
    ward = phantoms(tmp_path / "Many", number)
    sign_in(page, live_stack, "many")
    count = "document.querySelectorAll('*').length"
    few = page.evaluate(count)
    choose_folder(page, ward)
    files = page.get_by_role("table", name="Files")
    assert files.get_attribute("aria-rowcount") == str(number)
    files.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("row", name=f"Many/right/{number - 2:04d}.png")).to_be_visible()
    submissions: list[Route] = []
    # 1,500 films on the workers would hold other tests up.
    page.route(re.compile(r"/submit$"), lambda route: submissions.append(route))
    page.get_by_role("button", name="Upload and screen").click()
    most = 0
    for _ in range(600):
        most = max(most, page.evaluate(count))
        if submissions:
            break
        page.wait_for_timeout(200)
    assert few < most < few + 250
    batch = submissions[0].request.url.removesuffix("/submit")
    rows = rows_of(page, batch)
    assert len({row["file"] for row in rows}) == len(rows) == number
    assert page.request.post(f"{batch}/cancel", form={"csrfmiddlewaretoken": _token(page)}).ok


def _token(page: Page) -> str:
    value = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    assert value
    return value


@pytest.fixture
def plain(browser: Browser, live_stack: LiveStack, tmp_path: Path) -> Iterator[Page]:
    """A browser without JavaScript, signed in."""
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    sign_in(window, live_stack, f"plain-{tmp_path.name}")
    yield window
    context.close()


def test_without_scripts_a_form_sends_many_files(plain: Page, ward: Path) -> None:
    films = sorted((ward / "left").iterdir())
    expect(plain.get_by_role("table", name="Files")).to_be_hidden()
    expect(plain.get_by_text("Choose a folder")).to_be_hidden()
    plain.get_by_label("Name of the batch").fill("Without scripts")
    plain.locator("input[name=file]").set_input_files(films)
    plain.get_by_role("button", name="Upload and screen").click()
    expect(plain.get_by_role("heading", name="Without scripts")).to_be_visible()
    assert {row["file"] for row in rows_of(plain)} == {film.name for film in films}


def test_without_scripts_too_many_files_are_refused_with_advice(plain: Page, tmp_path: Path) -> None:
    """In a real browser: the answer must arrive though the request is refused before its end."""
    for number in range(1001):
        (tmp_path / f"{number}.png").write_bytes(bytes(20_000))
    plain.get_by_label("Name of the batch").fill("Too many")
    plain.locator("input[name=file]").set_input_files(sorted(tmp_path.glob("*.png")))
    plain.get_by_role("button", name="Upload and screen").click()
    expect(plain.get_by_text("too_many_files")).to_be_visible()
    expect(plain.get_by_text("One request carries at most 1,000 files")).to_be_visible()
