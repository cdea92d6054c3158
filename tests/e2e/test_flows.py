"""Complete workflows of an uploader, an API client and an administrator.

A reviewer's workflow is in ``test_reading``; details of uploads and of the viewer are in ``test_upload`` and
``test_viewer``.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from ml.phantom.film import PhantomSpec, dicom_bytes, png_bytes
from tests.conftest import LiveStack
from tests.e2e.conftest import NewWindow
from tests.e2e.site_data import PASSWORD, create_users, paused_worker
from tests.e2e.steps import SCREENING, SIDE, sign_in, wait_until_finished
from xrayscreen import Client, ClientError, Upload

pytestmark = pytest.mark.e2e

USERS = {"first-visit": False, "program": False, "keyboard-only": False, "administrator": True, "no-scripts": True}
FOCUS_SHOWN = """element => {
  const shown = element.closest("label") ?? element;  // a file chooser shows the focus on its button
  return [element, shown, ...shown.querySelectorAll("*")].some((part) => {
    const style = getComputedStyle(part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
}"""


@pytest.fixture(scope="module")
def site(live_stack: LiveStack) -> str:
    """Create the users of this module; return the address of the system."""
    create_users(live_stack.stack, USERS)
    return live_stack.base_url


def scores(page: Page) -> list[float]:
    return [float(score) for score in page.locator(".film-tile__result .u-tabular-figures").all_inner_texts()]


def phantom(seed: int) -> bytes:
    return png_bytes(PhantomSpec(SIDE, SIDE, seed=seed, opacities=seed % 4))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_first_visit_from_the_sample_study_to_a_comparison(page: Page, site: str, live_stack: LiveStack) -> None:
    sign_in(page, site, "first-visit")
    with paused_worker(live_stack.stack):
        page.get_by_role("button", name="Try the sample study").click()
        expect(page.locator("[data-headline]")).to_have_text(re.compile(r"^Screening: \d of 11 films finished$"))
        page.evaluate("window.untouched = true")
    wait_until_finished(page)
    expect(page.locator("[data-headline]")).to_have_text(re.compile("^8 films screened, 3 rejected or failed"))
    expect(
        page.locator(".film-tile .badge.is-negative, .film-tile .badge.is-positive, .film-tile .badge.is-uncertain")
    ).to_have_count(8)
    assert page.evaluate("window.untouched")  # the page was updated without a reload

    batch = page.url
    number = first_bar(page)
    page.locator(".histogram summary").click()
    films = int(page.locator(f"[data-bar-films='{number}']").inner_text())
    page.locator(".histogram__link").nth(number).click()
    expect(page.locator("#films .heading-count")).to_have_text(str(films))
    assert all(number / 20 <= score <= (number + 1) / 20 for score in scores(page))
    page.get_by_role("link", name="show all scores").click()
    expect(page.locator("#films .heading-count")).to_have_text("11")

    page.locator("[data-chip=negative]").click()
    expect(page.locator(".film-tile .badge")).to_have_text(
        ["Negative"] * int(page.locator("#films .heading-count").inner_text())
    )
    page.get_by_role("link", name="Uncertainty").click()
    distances = [abs(score - 0.5) for score in scores(page)]
    assert distances == sorted(distances)

    name = page.locator(".film-tile__name").nth(1).inner_text()
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".film-page__position")).to_have_text(f"2 of {len(distances)}")
    page.go_back()
    assert [abs(score - 0.5) for score in scores(page)] == distances

    page.goto(batch)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    rows = rows_of(download.value.path())
    assert len(rows) == 11
    assert {row["notice"] for row in rows} == {settings.NOTICE}

    page.locator("summary", has_text="Run again").click()
    page.get_by_role("combobox", name="Model").select_option("seed-cnn")
    page.get_by_role("button", name="Run again").click()
    wait_until_finished(page)
    page.get_by_role("link", name="Compare with the first run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^\s*\d of 8 decisions\s+changed\s*$"))
    changes = [
        abs(float(text.replace("−", "-"))) for text in page.locator("td[data-label='Change']").all_inner_texts()
    ]
    assert len(changes) == 8
    assert changes == sorted(changes, reverse=True)


def first_bar(page: Page) -> int:
    """Return the index of the histogram's first bar that is not empty."""
    return int(
        page.locator(".histogram__bar").evaluate_all("bars => bars.findIndex((bar) => bar.height.baseVal.value > 0)")
    )


def test_an_api_client_screens_with_a_token_of_the_account_page(page: Page, site: str) -> None:
    sign_in(page, site, "program")
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Program that uses the token").fill("ward export")
    page.get_by_role("button", name="Create API token").click()
    token = page.locator("[data-key-text]").inner_text()

    client = Client(site, token)
    batch = client.create_batch("By a program")
    client.add_all(batch, [Upload(f"{seed}.png", phantom(seed)) for seed in (301, 302)], id)
    client.submit(batch)
    assert client.wait(batch, timeout=SCREENING / 1000)["progress"]["states"]["done"] == 2
    assert all(0 <= film["score"] <= 1 for film in client.films(batch))

    page.goto(site)
    page.get_by_role("link", name="By a program").click()
    expect(page.locator("[data-headline]")).to_contain_text("2 films screened")

    page.goto(f"{site}/account")
    expect(page.get_by_text(token)).to_be_hidden()
    page.locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke “ward export”").click()
    expect(page.get_by_role("status")).to_contain_text("API token revoked")
    with pytest.raises(ClientError):
        client.status(batch)


def test_an_administrator_reviews_several_films_at_once(page: Page, site: str, tmp_path: Path) -> None:
    sign_in(page, site, "administrator")
    films = [tmp_path / f"for-admin-{seed}.png" for seed in (311, 312, 313)]
    for seed, film in enumerate(films, start=311):
        film.write_bytes(phantom(seed))
    page.get_by_label("Choose files").set_input_files(films)
    page.get_by_role("button", name="Upload and screen").click()
    wait_until_finished(page)

    page.get_by_role("link", name="Admin", exact=True).click()
    page.get_by_role("link", name="Films", exact=True).first.click()
    page.locator("#searchbar").fill("for-admin-")
    page.get_by_role("button", name="Search").click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)
    for thumbnail in rows.locator("img").all():
        expect(thumbnail).to_have_js_property("complete", True)
        assert thumbnail.evaluate("image => image.naturalWidth") > 0
    for row in rows.all()[:2]:
        row.locator(".action-select").check()
    page.locator("select[name=action]").select_option(label="Confirm the selected films")
    page.get_by_role("button", name=re.compile("Go|Run")).click()
    expect(page.locator(".messagelist")).to_contain_text("2 films reviewed.")
    expect(page.locator("#result_list").get_by_text("Confirmed")).to_have_count(2)
    rows.locator("a", has_text="for-admin").first.click()
    expect(page.get_by_role("img", name=re.compile("for-admin"))).to_be_visible()


class Keyboard:
    """A user without a mouse, who needs to see where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def focus_control(self, control: Locator, max_tabs: int = 90) -> None:
        """Press Tab until the control has the focus; fail where it does not show the focus."""
        expect(control).to_be_attached()
        for _ in range(max_tabs):
            if control.evaluate("element => element === document.activeElement"):
                assert control.evaluate(FOCUS_SHOWN), f"{control} does not show that it has the focus"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{control} does not get the focus after {max_tabs} times Tab")

    def press_key(self, control: Locator, key: str = "Enter") -> None:
        self.focus_control(control)
        self.page.keyboard.press(key)


def test_an_upload_works_by_keyboard(page: Page, site: str, tmp_path: Path) -> None:
    keys = Keyboard(page)
    page.goto(f"{site}/login")
    keys.focus_control(page.get_by_label("Username"))
    page.keyboard.type("keyboard-only")
    keys.focus_control(page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    film = tmp_path / "typed.png"
    film.write_bytes(phantom(321))
    (tmp_path / "second.png").write_bytes(phantom(322))
    with page.expect_file_chooser() as chooser:
        keys.press_key(page.get_by_label("Choose files"))
    chooser.value.set_files([film, tmp_path / "second.png"])
    keys.press_key(page.get_by_role("button", name="Upload and screen"))
    wait_until_finished(page)

    page.keyboard.press("Tab")  # the upload left the focus above
    keys.press_key(page.locator(".histogram__link").nth(first_bar(page)))
    expect(page.get_by_role("link", name="show all scores")).to_be_visible()
    keys.press_key(page.get_by_role("link", name="show all scores"))
    keys.press_key(page.locator("[data-chip=done]"))
    keys.press_key(page.get_by_role("link", name="Uncertainty"))
    keys.press_key(page.get_by_role("link", name="typed.png"))
    expect(page.get_by_role("heading", name="typed.png")).to_be_visible()
    keys.focus_control(page.locator("[data-stage]"))
    keys.press_key(page.locator(".film-page__breadcrumbs a").last)
    expect(page.get_by_role("link", name="typed.png")).to_be_visible()
    with page.expect_download() as download:
        keys.press_key(page.get_by_role("link", name="Export CSV"))
    assert {row["file"] for row in rows_of(download.value.path())} == {"typed.png", "second.png"}

    keys.press_key(page.locator("summary", has_text="Run again"))
    keys.focus_control(page.get_by_role("combobox", name="Model"))
    page.keyboard.type("seed")
    keys.press_key(page.get_by_role("button", name="Run again"))
    wait_until_finished(page)
    keys.press_key(page.get_by_role("link", name="Compare with the first run"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("of 2 decisions changed")
    keys.press_key(page.get_by_role("button", name="Sign out"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_workflow_works_without_javascript(new_window: NewWindow, site: str, tmp_path: Path) -> None:
    page = new_window(java_script_enabled=False)
    sign_in(page, site, "no-scripts")
    (tmp_path / "plain.png").write_bytes(phantom(331))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("study/IM0001", dicom_bytes(PhantomSpec(SIDE, SIDE, seed=332, bits=12)))
    page.locator("input[name=file]").set_input_files([tmp_path / "plain.png", tmp_path / "packed.zip"])
    page.get_by_label("Name of the batch").fill("Without scripts")
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.get_by_role("heading", name="Without scripts")).to_be_visible()
    for _ in range(SCREENING // 500):
        if "Finished" in page.locator("[data-state-badges]").inner_text():
            break
        page.get_by_role("link", name="Refresh").click()
        page.wait_for_timeout(500)
    wait_until_finished(page)
    expect(page.locator("[data-headline]")).to_contain_text("2 films screened")

    page.locator("[data-chip=done]").click()
    page.get_by_role("link", name="Table").click()
    page.get_by_role("link", name=re.compile("IM0001")).click()
    expect(page.get_by_role("img", name=re.compile("^The film "))).to_be_visible()
    page.get_by_label("Note (optional)").fill("seen without scripts")
    page.get_by_role("button", name=re.compile("^Confirm")).click()
    expect(page.get_by_role("status").first).to_contain_text("Confirmed:")
    expect(page.get_by_text("seen without scripts")).to_be_visible()
    page.locator(".film-page__breadcrumbs a").last.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert {row["state"] for row in rows_of(download.value.path())} == {"done", "unpacked"}
