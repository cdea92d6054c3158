"""The list of all pages in all their states: who sees each, its address, and how a test brings it into the state.

The accessibility checks, the screenshots and the test that no address of the dashboard is missing read this list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Page, expect

from ml.phantom.film import PhantomSpec, png_bytes
from tests.e2e.site_data import NEWCOMER, REVIEWER, SENDER, UPLOADER, SiteData
from tests.e2e.steps import SCREENING

Address = Callable[[SiteData], str]
Preparation = Callable[[Page], object]


def _nothing(page: Page) -> None:
    """Do nothing; most pages are in their state as soon as they are loaded."""


@dataclass(frozen=True)
class PageState:
    """One page in one state.

    Attributes:
        name: its name, also of its screenshot's file.
        view: the name of its address in ``dashboard.urls``, or that of another part of the site.
        username: who is signed in; empty for nobody.
        path: the path of its address.
        prepare: brings the loaded page into the state.
        status: HTTP status of the answer to ``path``.
        allowed_messages: pattern of the browser's messages that are expected.
        during: a state of the whole system, in which the page is opened; yields the path.
        excluded: selectors of parts that other packages render; these are not checked.
    """

    name: str
    view: str
    username: str
    path: Address
    prepare: Preparation = _nothing
    status: int = 200
    allowed_messages: str = ""
    during: Callable[[SiteData], AbstractContextManager[str]] | None = None
    excluded: tuple[str, ...] = ()

    @contextmanager
    def open_address(self, site_data: SiteData) -> Iterator[str]:
        """Yield the address; the page can be opened in its state during the block."""
        if self.during is None:
            yield site_data.server + self.path(site_data)
        else:
            with self.during(site_data) as path:
                yield site_data.server + path


@dataclass(frozen=True)
class _ObjectAddress:
    """The path of a batch or film of the site data, by its key there."""

    kind: str
    key: str
    rest: str = ""

    def __call__(self, site_data: SiteData) -> str:
        ids = site_data.batches if self.kind == "batches" else site_data.films
        return f"/{self.kind}/{ids[self.key]}{self.rest}"


def _at(path: str) -> Address:
    return lambda site_data: path


def _batch(key: str, rest: str = "") -> Address:
    return _ObjectAddress("batches", key, rest)


def _film(key: str, rest: str = "") -> Address:
    return _ObjectAddress("films", key, rest)


# --- steps that bring a page into its state


def _choose_files(page: Page) -> None:
    film = png_bytes(PhantomSpec(96, 96))
    films: list[FilePayload] = [
        {"name": f"chosen-{number}.png", "mimeType": "image/png", "buffer": film} for number in range(12)
    ]
    page.locator("input[name=file]").set_input_files(films)
    expect(page.get_by_role("table", name="Files")).to_be_visible()


def _send_without_connection(page: Page) -> None:
    _choose_files(page)
    page.route("**/files", lambda route: route.abort("internetdisconnected"))
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-note]")).to_have_text(re.compile("Connection lost|No answer"))


def _sign_in_with_wrong_password(page: Page) -> None:
    page.get_by_label("Username").fill("amara")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def _change_password_with_errors(page: Page) -> None:
    for label in ("Old password", "New password", "New password confirmation"):
        page.get_by_label(label, exact=True).fill(label)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def _create_token(page: Page) -> None:
    page.get_by_label("Program that uses the token").fill("ward export")
    page.get_by_role("button", name="Create API token").click()
    expect(page.get_by_text("It is shown only once")).to_be_visible()


def _wait_for_viewer(page: Page) -> None:
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "full", timeout=SCREENING)


def _show_heatmap(page: Page) -> None:
    _wait_for_viewer(page)
    page.get_by_role("button", name="Heatmap").click()
    expect(page.get_by_label("Opacity of the heatmap")).to_be_visible()


def _show_viewer_help(page: Page) -> None:
    _wait_for_viewer(page)
    page.get_by_role("button", name="Keys and mouse").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _start_reading(page: Page) -> None:
    if page.get_by_role("button", name="Continue reading").is_visible():  # the claim of an earlier check is released
        page.get_by_role("button", name="Continue reading").click()
        page.get_by_role("button", name="Release and exit").click()
    page.get_by_role("button", name="Start reading").click()
    page.wait_for_url("**/reading/*-*")
    _wait_for_viewer(page)


def _read_blinded(page: Page) -> None:
    if page.get_by_role("button", name="Read blinded").is_visible():
        page.get_by_role("button", name="Read blinded").click()
    _start_reading(page)
    expect(page.get_by_text("Blinded", exact=True)).to_be_visible()


def _read_in_sight(page: Page) -> None:
    if page.get_by_role("button", name="Show the score").is_visible():
        page.get_by_role("button", name="Show the score").click()
    _start_reading(page)
    expect(page.locator(".reading-room__result")).to_be_visible()


def _show_reading_help(page: Page) -> None:
    _read_blinded(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def _submit_expired_form(page: Page) -> None:
    page.locator("[name=csrfmiddlewaretoken]").evaluate_all("fields => fields.forEach((field) => field.remove())")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("This form has expired")).to_be_visible()


def _submit_too_many_fields(page: Page) -> None:
    page.locator(".site-header__account").evaluate("""form => {
      for (let n = 0; n < 2100; n += 1) {
        form.append(Object.assign(document.createElement("input"), { name: `f${n}` }));
      }
    }""")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The request was refused")


NOT_FOUND = r"Failed to load resource: .* status of 404"
BAD = r"Failed to load resource: .* status of 400"
FORBIDDEN = r"Failed to load resource: .* status of 403"

ADMIN_PARTS = ("#header", ".breadcrumbs", "#toggle-nav-sidebar", "#nav-sidebar")  # of Django's own admin

PAGE_STATES = [
    PageState("login", "login", "", _at("/login")),
    PageState("login-wrong", "login", "", _at("/login"), _sign_in_with_wrong_password),
    PageState("home-first-visit", "home", NEWCOMER, _at("/")),
    PageState("home", "home", UPLOADER, _at("/")),
    PageState("home-chosen", "home", UPLOADER, _at("/"), _choose_files),
    PageState(
        "home-sending",
        "home",
        SENDER,
        _at("/"),
        _send_without_connection,
        allowed_messages="ERR_INTERNET_DISCONNECTED",
    ),
    PageState("batch", "batch", UPLOADER, _batch("sample")),
    PageState("batch-table", "batch", UPLOADER, _batch("sample", "?view=table&sort=score#films")),
    PageState("batch-filtered", "batch", UPLOADER, _batch("sample", "?bar=0&sort=uncertainty")),
    PageState("batch-nothing-fits", "batch", UPLOADER, _batch("sample", "?state=cancelled")),
    PageState("batch-refusals", "batch", UPLOADER, _batch("mixed")),
    PageState("batch-refusals-table", "batch", UPLOADER, _batch("mixed", "?view=table")),
    PageState("batch-open", "batch", UPLOADER, _batch("open")),
    PageState("batch-empty", "batch", UPLOADER, _batch("bare")),
    PageState("batch-cancelled", "batch", UPLOADER, _batch("cancelled")),
    PageState("batch-running", "batch", UPLOADER, _at(""), during=lambda site_data: _during_screening(site_data)),
    PageState("compare", "batch-compare", UPLOADER, _batch("again", "/compare")),
    PageState("compare-changed", "batch-compare", UPLOADER, _batch("again", "/compare?flips=1")),
    PageState("batch-report", "batch-report", UPLOADER, _batch("mixed", "/report")),
    PageState("film", "film", UPLOADER, _film("screened", "?sort=score"), _wait_for_viewer),
    PageState("film-heatmap", "film", UPLOADER, _film("screened"), _show_heatmap),
    PageState("film-keys", "film", UPLOADER, _film("screened"), _show_viewer_help),
    PageState("film-for-reviewer", "film", REVIEWER, _film("flagged", "?queue=1"), _wait_for_viewer),
    PageState("film-of-patient", "film", UPLOADER, _film("relative"), _wait_for_viewer),
    PageState("film-noted", "film", UPLOADER, _film("noted"), _wait_for_viewer),
    PageState("film-report-noted", "film-report", UPLOADER, _film("noted", "/report")),
    PageState("film-rejected", "film", UPLOADER, _film("rejected")),
    PageState("film-cut-short", "film", UPLOADER, _film("cut")),
    PageState("film-archive", "film", UPLOADER, _film("archive")),
    PageState("film-waiting", "film", UPLOADER, _film("waiting")),
    PageState("film-report", "film-report", UPLOADER, _film("screened", "/report")),
    PageState("film-report-rejected", "film-report", UPLOADER, _film("rejected", "/report")),
    PageState("model", "model", UPLOADER, _at("/model")),
    PageState("model-seed-cnn", "model", UPLOADER, _at("/models/seed-cnn?prevalence=20")),
    PageState("reviews", "reviews", REVIEWER, _at("/reviews")),
    PageState("reviews-empty", "reviews", REVIEWER, _at("/reviews?state=unreadable")),
    PageState("reading", "reading", REVIEWER, _at("/reading")),
    PageState("reading-film", "reading-film", REVIEWER, _at("/reading"), _read_blinded),
    PageState("reading-film-keys", "reading-film", REVIEWER, _at("/reading"), _show_reading_help),
    PageState("reading-film-in-sight", "reading-film", REVIEWER, _at("/reading"), _read_in_sight),
    PageState("reading-me", "reading-me", REVIEWER, _at("/reading/me")),
    PageState("reading-readers", "reading-readers", REVIEWER, _at("/reading/readers")),
    PageState("account", "account", UPLOADER, _at("/account")),
    PageState("account-no-key", "account", NEWCOMER, _at("/account")),
    PageState("account-new-key", "token-create", UPLOADER, _at("/account"), _create_token),
    PageState("password", "password", UPLOADER, _at("/account/password")),
    PageState("password-wrong", "password", UPLOADER, _at("/account/password"), _change_password_with_errors),
    PageState("not-found", "404", UPLOADER, _at("/nowhere"), status=404, allowed_messages=NOT_FOUND),
    PageState("forbidden", "403", REVIEWER, _at("/admin/auth/user/"), status=403, allowed_messages=FORBIDDEN),
    PageState("refused", "refused", REVIEWER, _at("/reviews?state=sideways"), status=400, allowed_messages=BAD),
    PageState(
        "form-expired", "403_csrf", UPLOADER, _at("/account"), _submit_expired_form, allowed_messages=FORBIDDEN
    ),
    PageState("bad-request", "400", UPLOADER, _at("/account"), _submit_too_many_fields, allowed_messages=BAD),
    PageState(
        "admin-film",
        "admin",
        REVIEWER,
        _ObjectAddress("admin/screening/film", "screened", "/change/"),
        excluded=ADMIN_PARTS,
    ),
    PageState("interface", "api:docs", UPLOADER, _at("/api/v1/"), excluded=("#swagger-ui",)),
]


def _during_screening(site_data: SiteData) -> AbstractContextManager[str]:
    @contextmanager
    def open_running_batch() -> Iterator[str]:
        with site_data.batch_in_progress() as batch:
            yield f"/batches/{batch}"

    return open_running_batch()
