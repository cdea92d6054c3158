"""Every page there is, and every face a page has: who sees it, where it is, and how it is brought to show it.

Whatever looks at all pages reads this list: the accessibility checks, the screenshots, and the test that no address
of the dashboard is missing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Page, expect

from ml.phantom.film import PhantomSpec, png_bytes
from tests.e2e.world import NEWCOMER, REVIEWER, SENDER, UPLOADER, World

Address = Callable[[World], str]
Doing = Callable[[Page], object]


def _nothing(page: Page) -> None:
    """Most pages show themselves."""


@dataclass(frozen=True)
class Face:
    """One page in one situation.

    Attributes:
        name: also that of its picture's file.
        view: the name of its address in ``dashboard.urls``, or that of another part of the site.
        who: who looks at it; nobody is signed in where it is empty.
        path: where it is.
        prepare: brings it into the situation, from where it has been loaded.
        status: what the server answers to ``path``.
        complaints: what the browser may say of it, as a pattern.
        during: a situation of the whole system that it is seen in; yields the path.
        theirs: selectors of what on it other packages made; that is not checked.
    """

    name: str
    view: str
    who: str
    path: Address
    prepare: Doing = _nothing
    status: int = 200
    complaints: str = ""
    during: Callable[[World], AbstractContextManager[str]] | None = None
    theirs: tuple[str, ...] = ()

    @contextmanager
    def place(self, world: World) -> Iterator[str]:
        """The address, for as long as the page shows the situation."""
        if self.during is None:
            yield world.server + self.path(world)
        else:
            with self.during(world) as path:
                yield world.server + path


@dataclass(frozen=True)
class _Of:
    """An address with the id of a batch or film of the world in it."""

    kind: str
    what: str
    rest: str = ""

    def __call__(self, world: World) -> str:
        ids = world.batches if self.kind == "batches" else world.films
        return f"/{self.kind}/{ids[self.what]}{self.rest}"


def _at(path: str) -> Address:
    return lambda world: path


def _batch(what: str, rest: str = "") -> Address:
    return _Of("batches", what, rest)


def _film(what: str, rest: str = "") -> Address:
    return _Of("films", what, rest)


# --- bringing a page into a situation


def _choose_files(page: Page) -> None:
    film = png_bytes(PhantomSpec(96, 96))
    films: list[FilePayload] = [
        {"name": f"chosen-{number}.png", "mimeType": "image/png", "buffer": film} for number in range(12)
    ]
    page.locator("input[name=file]").set_input_files(films)
    expect(page.get_by_role("table", name="Files")).to_be_visible()


def _send_to_a_dead_line(page: Page) -> None:
    _choose_files(page)
    page.route("**/files", lambda route: route.abort("internetdisconnected"))
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.locator("[data-note]")).to_have_text(re.compile("Connection lost|No answer"))


def _sign_in_wrongly(page: Page) -> None:
    page.get_by_label("Username").fill("amara")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def _change_password_wrongly(page: Page) -> None:
    for label in ("Old password", "New password", "New password confirmation"):
        page.get_by_label(label, exact=True).fill(label)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def _make_a_key(page: Page) -> None:
    page.get_by_label("Program that uses the token").fill("ward export")
    page.get_by_role("button", name="Create API token").click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()


def _viewer_ready(page: Page) -> None:
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "full")


def _show_heatmap(page: Page) -> None:
    _viewer_ready(page)
    page.get_by_role("button", name="Heatmap").click()
    expect(page.get_by_label("Opacity of the heatmap")).to_be_visible()


def _show_viewer_help(page: Page) -> None:
    _viewer_ready(page)
    page.get_by_role("button", name="Keys and mouse").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _start_reading(page: Page) -> None:
    if page.get_by_role("button", name="Continue reading").is_visible():  # what has been seen stays seen
        page.get_by_role("button", name="Continue reading").click()
        page.get_by_role("button", name="Release and exit").click()
    page.get_by_role("button", name="Start reading").click()
    page.wait_for_url("**/reading/*-*")
    _viewer_ready(page)


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


def _without_token(page: Page) -> None:
    page.locator("[name=csrfmiddlewaretoken]").evaluate_all("fields => fields.forEach((field) => field.remove())")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("This form has expired")).to_be_visible()


def _too_many_fields(page: Page) -> None:
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

ADMINS = ("#header", ".breadcrumbs", "#toggle-nav-sidebar", "#nav-sidebar")  # of Django's own pages

FACES = [
    Face("login", "login", "", _at("/login")),
    Face("login-wrong", "login", "", _at("/login"), _sign_in_wrongly),
    Face("home-first-visit", "home", NEWCOMER, _at("/")),
    Face("home", "home", UPLOADER, _at("/")),
    Face("home-chosen", "home", UPLOADER, _at("/"), _choose_files),
    Face("home-sending", "home", SENDER, _at("/"), _send_to_a_dead_line, complaints="ERR_INTERNET_DISCONNECTED"),
    Face("batch", "batch", UPLOADER, _batch("sample")),
    Face("batch-table", "batch", UPLOADER, _batch("sample", "?view=table&sort=score#films")),
    Face("batch-filtered", "batch", UPLOADER, _batch("sample", "?bar=0&sort=uncertainty")),
    Face("batch-nothing-fits", "batch", UPLOADER, _batch("sample", "?state=cancelled")),
    Face("batch-refusals", "batch", UPLOADER, _batch("mixed")),
    Face("batch-refusals-table", "batch", UPLOADER, _batch("mixed", "?view=table")),
    Face("batch-open", "batch", UPLOADER, _batch("open")),
    Face("batch-empty", "batch", UPLOADER, _batch("bare")),
    Face("batch-cancelled", "batch", UPLOADER, _batch("cancelled")),
    Face("batch-running", "batch", UPLOADER, _at(""), during=lambda world: _held_up(world)),
    Face("compare", "batch-compare", UPLOADER, _batch("again", "/compare")),
    Face("compare-changed", "batch-compare", UPLOADER, _batch("again", "/compare?flips=1")),
    Face("batch-report", "batch-report", UPLOADER, _batch("mixed", "/report")),
    Face("film", "film", UPLOADER, _film("screened", "?sort=score"), _viewer_ready),
    Face("film-heatmap", "film", UPLOADER, _film("screened"), _show_heatmap),
    Face("film-keys", "film", UPLOADER, _film("screened"), _show_viewer_help),
    Face("film-for-reviewer", "film", REVIEWER, _film("flagged", "?queue=1"), _viewer_ready),
    Face("film-of-patient", "film", UPLOADER, _film("relative"), _viewer_ready),
    Face("film-rejected", "film", UPLOADER, _film("rejected")),
    Face("film-cut-short", "film", UPLOADER, _film("cut")),
    Face("film-archive", "film", UPLOADER, _film("archive")),
    Face("film-waiting", "film", UPLOADER, _film("waiting")),
    Face("film-report", "film-report", UPLOADER, _film("screened", "/report")),
    Face("film-report-rejected", "film-report", UPLOADER, _film("rejected", "/report")),
    Face("model", "model", UPLOADER, _at("/model")),
    Face("model-seed-cnn", "model", UPLOADER, _at("/models/seed-cnn?prevalence=20")),
    Face("reviews", "reviews", REVIEWER, _at("/reviews")),
    Face("reviews-empty", "reviews", REVIEWER, _at("/reviews?state=unreadable")),
    Face("reading", "reading", REVIEWER, _at("/reading")),
    Face("reading-film", "reading-film", REVIEWER, _at("/reading"), _read_blinded),
    Face("reading-film-keys", "reading-film", REVIEWER, _at("/reading"), _show_reading_help),
    Face("reading-film-in-sight", "reading-film", REVIEWER, _at("/reading"), _read_in_sight),
    Face("reading-me", "reading-me", REVIEWER, _at("/reading/me")),
    Face("reading-readers", "reading-readers", REVIEWER, _at("/reading/readers")),
    Face("account", "account", UPLOADER, _at("/account")),
    Face("account-no-key", "account", NEWCOMER, _at("/account")),
    Face("account-new-key", "token-create", UPLOADER, _at("/account"), _make_a_key),
    Face("password", "password", UPLOADER, _at("/account/password")),
    Face("password-wrong", "password", UPLOADER, _at("/account/password"), _change_password_wrongly),
    Face("not-found", "404", UPLOADER, _at("/nowhere"), status=404, complaints=NOT_FOUND),
    Face("forbidden", "403", REVIEWER, _at("/admin/auth/user/"), status=403, complaints=FORBIDDEN),
    Face("refused", "refused", REVIEWER, _at("/reviews?state=sideways"), status=400, complaints=BAD),
    Face("form-expired", "403_csrf", UPLOADER, _at("/account"), _without_token, complaints=FORBIDDEN),
    Face("bad-request", "400", UPLOADER, _at("/account"), _too_many_fields, complaints=BAD),
    Face("admin-film", "admin", REVIEWER, _Of("admin/screening/film", "screened", "/change/"), theirs=ADMINS),
    Face("interface", "api:docs", UPLOADER, _at("/api/v1/"), theirs=("#swagger-ui",)),
]


def _held_up(world: World) -> AbstractContextManager[str]:
    @contextmanager
    def held_up() -> Iterator[str]:
        with world.screening_held_up() as batch:
            yield f"/batches/{batch}"

    return held_up()
