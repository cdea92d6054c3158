"""Uploads from a real browser to the real system: mixed folders, failing connections, many files."""

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
from tests.e2e.site_data import PASSWORD
from tests.e2e.steps import SCREENING, create_and_sign_in

pytestmark = pytest.mark.e2e

SIDE = 96
SENDING = 60_000  # milliseconds for forty files on a busy machine
CONCURRENT_SENDS = 4
Rows = list[dict[str, Any]]


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Write forty small phantoms into two folders."""
    return phantoms(tmp_path / "Ward 3", 40)


@pytest.fixture(autouse=True)
def _confirm_leaving(page: Page) -> None:
    """Confirm the browser's question when a page is left during an upload."""
    page.on("dialog", lambda dialog: dialog.accept())


def phantoms(folder: Path, number: int) -> Path:
    """Write copies of one phantom that differ in two corner pixels; drawing each would take longer than sending."""
    film = Image.open(BytesIO(png_bytes(PhantomSpec(SIDE, SIDE, seed=1)))).convert("L")
    for index in range(number):
        subfolder = folder / ("left" if index % 2 else "right")
        subfolder.mkdir(parents=True, exist_ok=True)
        film.putpixel((0, 0), index % 256)
        film.putpixel((1, 0), index // 256)
        film.save(subfolder / f"{index:04d}.png")
    return folder


def choose_folder(page: Page, folder: Path) -> None:
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_role("table", name="Files")).to_be_visible()


def rows_of(page: Page, batch: str = "") -> Rows:
    """Return all rows of a batch, by default of the batch whose page is open."""
    address = batch or page.url.partition("?")[0]
    answer = page.request.get(address.replace("/batches/", "/api/v1/batches/") + "/export.json")
    films: Rows = answer.json()["films"]
    return films


def wait_for_batch(page: Page, timeout: float = SENDING) -> None:
    page.wait_for_url(re.compile(r"/batches/[0-9a-f-]{36}"), timeout=timeout)


def leave_page(page: Page) -> None:
    """Leave the page in the middle of an upload.

    Requests are intercepted until the page is left: where nothing intercepts them any more, the browser sends the
    held ones and the page continues with the others, and on a slow machine all files arrive before it is left.
    """
    page.goto("about:blank")
    page.unroute_all(behavior="ignoreErrors")


def newest_batch(page: Page) -> str:
    """Return the address of the newest batch on the home page."""
    href = page.locator(".batch-table a").first.get_attribute("href")
    return str(page.evaluate("href => new URL(href, location.href).href", href))


def path_of(route: Route) -> str:
    """Return the path, inside the chosen folder, of the file that a request sends."""
    path = re.search(rb'name="path"\r\n\r\n(.+?)\r\n', route.request.post_data_buffer or b"")
    assert path
    return path[1].decode()


class UploadInterceptor:
    """Interceptor of the page's uploads: records the paths that pass and can hold requests back."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.paths: list[str] = []
        self.held_requests: list[Route] = []
        self.hold_after: int | None = None
        page.route(re.compile(r"/files$"), self._handle_request)

    def _handle_request(self, route: Route) -> None:
        if self.hold_after is not None and len(self.paths) >= self.hold_after:
            self.held_requests.append(route)
            return
        self.paths.append(path_of(route))
        route.continue_()

    def wait_for_held_requests(self, number: int = CONCURRENT_SENDS) -> None:
        for _ in range(300):
            if len(self.held_requests) >= number:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"only {len(self.held_requests)} requests are held")

    def release(self) -> None:
        """Let the held requests and all later ones pass."""
        self.hold_after = None
        held, self.held_requests = self.held_requests, []
        for route in held:
            self._handle_request(route)


def test_every_file_of_a_mixed_folder_gets_a_row(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
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

    create_and_sign_in(page, live_stack, "mixed")
    choose_folder(page, folder)
    expect(page.locator("[data-title]")).to_contain_text("7 files")
    expect(page.locator("[data-remarks]")).to_contain_text("1 skipped: 1 × .DS_Store.")
    expect(page.locator("[data-remarks]")).to_contain_text("1 file will not be uploaded; the list says why.")
    page.get_by_role("button", name="Not uploaded").click()
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
    }  # of two equal files the second one is the duplicate  # fmt: skip
    assert sorted(codes.values()) == ["duplicate", "empty_file", "unsupported_kind"]
    states = Counter(row["state"] for row in rows.values())
    assert states == {"done": 4, "rejected": 3, "unpacked": 1}


@pytest.mark.browser_errors("net::ERR_INTERNET_DISCONNECTED")
def test_an_interrupted_upload_is_resumed(page: Page, live_stack: LiveStack, ward: Path) -> None:
    """15 of 40 films arrive, of one more the answer is lost; then the connection breaks and the page is left."""
    create_and_sign_in(page, live_stack, "laptop")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 15
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    _deliver_without_answer(page, interceptor.held_requests[0], ward)
    page.route(re.compile(r"/(files|progress)$"), lambda route: route.abort("internetdisconnected"))
    for route in interceptor.held_requests:
        route.abort("internetdisconnected")
    expect(page.locator("[data-note]")).to_contain_text("Connection lost; waiting")
    leave_page(page)
    page.goto(live_stack.base_url)
    batch = newest_batch(page)
    arrived = {row["file"] for row in rows_of(page, batch)}
    assert len(arrived) == 16
    unfinished = page.get_by_role("group", name="An upload is not finished")
    expect(unfinished).to_contain_text("16 of 40 files uploaded; choose the folder “Ward 3” again")
    second_interceptor = UploadInterceptor(page)
    choose_folder(page, ward)
    expect(unfinished.get_by_role("radio", name="Continue")).to_be_checked()
    page.get_by_role("button", name="Resume upload").click()
    wait_for_batch(page)
    assert page.url == batch
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40
    assert set(second_interceptor.paths) == {row["file"] for row in rows} - arrived
    assert "rejected" not in {row["state"] for row in rows}
    page.goto(live_stack.base_url)
    expect(unfinished).to_be_hidden()


def _deliver_without_answer(page: Page, request: Route, folder: Path) -> None:
    """Send a held request's file to the server; the page gets no answer."""
    path = path_of(request)
    film = folder.parent / path
    file = {"name": film.name, "mimeType": "image/png", "buffer": film.read_bytes()}
    fields: dict[str, Any] = {"csrfmiddlewaretoken": _token(page), "path": path, "file": file}
    assert page.request.post(request.request.url, multipart=fields).ok


@pytest.mark.browser_errors("net::ERR_INTERNET_DISCONNECTED")
def test_the_upload_continues_when_the_connection_is_back(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "tunnel")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 10
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    page.context.set_offline(True)
    interceptor.release()
    expect(page.locator("[data-note]")).to_contain_text("Connection lost; waiting")
    page.context.set_offline(False)
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


@pytest.mark.browser_errors(r"net::ERR_(CONNECTION|EMPTY|SOCKET)")
def test_no_file_is_lost_when_the_web_server_is_killed(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "crash")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 10
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    servers = [
        process for process in psutil.Process().children(recursive=True) if _is_web_server(live_stack, process)
    ]
    assert servers
    for server in servers:
        server.kill()
    interceptor.release()
    wait_for_batch(page, timeout=90_000)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def _is_web_server(stack: LiveStack, process: psutil.Process) -> bool:
    port = stack.base_url.rsplit(":", 1)[-1]
    words = process.cmdline()
    return "gunicorn" in " ".join(words) and any(word.endswith(f":{port}") for word in words)


def test_pause_and_continue(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "pausing")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-note]")).to_contain_text("Pausing after the current files")
    interceptor.release()
    expect(page.locator("[data-note]")).to_have_text("Paused. Uploaded files are kept.")
    page.wait_for_timeout(1000)
    assert len(interceptor.paths) == 8 + CONCURRENT_SENDS
    page.get_by_role("button", name="Continue").click()
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def test_cancelling_asks_first(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "cancelling")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
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


def test_an_expired_session_interrupts_and_continues_after_sign_in(
    browser: Browser, live_stack: LiveStack, ward: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    create_and_sign_in(page, live_stack, "expired")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    context.clear_cookies(name="sessionid")
    interceptor.release()
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


@pytest.mark.browser_errors("status of 403")
def test_a_full_quota_halts_the_upload(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "frugal")
    set_quota = (
        "from django.contrib.auth.models import User; from screening.models import Quota;"
        "Quota.objects.update_or_create(user=User.objects.get(username='frugal'), defaults={'most_files': %s})"
    )
    live_stack.stack.run_management_command("shell", "--no-imports", "-c", set_quota % 12)
    page.reload()
    choose_folder(page, ward)
    expect(page.locator("[data-remarks]")).to_contain_text("Only 12 files are left in your quota")
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-note]")).to_contain_text("You have sent 12 files")
    expect(page.locator("[data-count]")).to_have_text("12 of 40 files uploaded")
    live_stack.stack.run_management_command("shell", "--no-imports", "-c", set_quota % None)
    page.get_by_role("button", name="Continue").click()
    wait_for_batch(page)
    rows = rows_of(page)
    assert len({row["file"] for row in rows}) == len(rows) == 40


def test_a_moved_file_is_told_from_a_lost_connection(page: Page, live_stack: LiveStack, ward: Path) -> None:
    create_and_sign_in(page, live_stack, "mover")
    choose_folder(page, ward)
    (ward / "left" / "0001.png").unlink()
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-count]")).to_have_text("1 of 40 files could not be uploaded.", timeout=SENDING)
    page.get_by_role("button", name="Not uploaded").click()
    row = page.get_by_role("row", name="Ward 3/left/0001.png")
    expect(row).to_contain_text("was it moved or changed? Choose it again.")
    page.get_by_role("button", name="Screen without these files").click()
    wait_for_batch(page)
    assert len(rows_of(page)) == 39


def test_part_of_a_folder_is_not_submitted_without_a_question(page: Page, live_stack: LiveStack, ward: Path) -> None:
    """A user who resumes with fewer files is asked before the batch is submitted without the others."""
    create_and_sign_in(page, live_stack, "halves")
    interceptor = UploadInterceptor(page)
    interceptor.hold_after = 8
    choose_folder(page, ward)
    page.get_by_role("button", name="Upload and screen").click()
    interceptor.wait_for_held_requests()
    leave_page(page)
    page.goto(live_stack.base_url)
    for film in (ward / "left").iterdir():
        film.unlink()
    page.goto(newest_batch(page))
    expect(page.get_by_text("Choose the same folder again to continue")).to_be_attached()
    page.get_by_text("Add more films first").click()
    choose_folder(page, ward)
    page.get_by_role("button", name="Add and screen").click()
    there = "28 of the 40 files chosen the first time are uploaded"  # 8 of the left folder, and the right folder
    expect(page.locator("[data-count]")).to_contain_text(there, timeout=SENDING)
    names = {row["file"] for row in rows_of(page)}
    assert {f"Ward 3/right/{index:04d}.png" for index in range(0, 40, 2)} <= names
    page.get_by_role("button", name="Screen without these files").click()
    expect(page.locator("[data-state-badges]")).to_contain_text("Finished", timeout=SCREENING)


def test_all_files_of_a_dropped_folder_are_read(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    """The browser lists a hundred entries at a time; a drop beside the zone counts, too."""
    ward = phantoms(tmp_path / "Dropped", 230)
    (ward / ".hidden").mkdir()
    (ward / ".hidden" / "film.png").write_bytes(b"not seen")
    create_and_sign_in(page, live_stack, "dropper")
    page.wait_for_load_state()  # then the script listens
    browser = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(ward)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 120, "data": data})
    expect(page.locator("[data-title]")).to_contain_text("230 files", timeout=SCREENING)
    expect(page.locator("[data-remarks]")).to_contain_text("1 skipped: 1 × hidden.")
    expect(page.get_by_role("row", name="Dropped/left/0001.png")).to_be_visible()


def test_the_page_stays_small_with_many_files(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    """The number of elements on the page does not depend on the number of files."""
    number = 1500
    ward = phantoms(tmp_path / "Many", number)
    create_and_sign_in(page, live_stack, "many")
    count = "document.querySelectorAll('*').length"
    few = page.evaluate(count)
    choose_folder(page, ward)
    files = page.get_by_role("table", name="Files")
    assert files.get_attribute("aria-rowcount") == str(number)
    files.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("row", name=f"Many/right/{number - 2:04d}.png")).to_be_visible()
    submissions: list[Route] = []
    # 1,500 films on the workers would delay other tests.
    page.route(re.compile(r"/submit$"), lambda route: submissions.append(route))
    page.get_by_role("button", name="Upload and screen").click()
    max_count = 0
    for _ in range(600):
        max_count = max(max_count, page.evaluate(count))
        if submissions:
            break
        page.wait_for_timeout(200)
    assert few < max_count < few + 250
    batch = submissions[0].request.url.removesuffix("/submit")
    rows = rows_of(page, batch)
    assert len({row["file"] for row in rows}) == len(rows) == number
    assert page.request.post(f"{batch}/cancel", form={"csrfmiddlewaretoken": _token(page)}).ok


def _token(page: Page) -> str:
    value = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    assert value
    return value


@pytest.fixture
def plain_page(browser: Browser, live_stack: LiveStack, tmp_path: Path) -> Iterator[Page]:
    """Open a window without JavaScript, signed in."""
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    create_and_sign_in(window, live_stack, f"plain-{tmp_path.name}")
    yield window
    context.close()


def test_the_form_sends_many_files_without_javascript(plain_page: Page, ward: Path) -> None:
    films = sorted((ward / "left").iterdir())
    expect(plain_page.get_by_role("table", name="Files")).to_be_hidden()
    expect(plain_page.get_by_text("Choose a folder")).to_be_hidden()
    plain_page.get_by_label("Name of the batch").fill("Without scripts")
    plain_page.locator("input[name=file]").set_input_files(films)
    plain_page.get_by_role("button", name="Upload and screen").click()
    expect(plain_page.get_by_role("heading", name="Without scripts")).to_be_visible()
    assert {row["file"] for row in rows_of(plain_page)} == {film.name for film in films}


def test_too_many_files_are_refused_without_javascript(plain_page: Page, tmp_path: Path) -> None:
    """The answer must arrive although the request is refused before its end."""
    for number in range(1001):
        (tmp_path / f"{number}.png").write_bytes(bytes(20_000))
    plain_page.get_by_label("Name of the batch").fill("Too many")
    plain_page.locator("input[name=file]").set_input_files(sorted(tmp_path.glob("*.png")))
    plain_page.get_by_role("button", name="Upload and screen").click()
    expect(plain_page.get_by_text("too_many_files")).to_be_visible()
    expect(plain_page.get_by_text("One request carries at most 1,000 files")).to_be_visible()
