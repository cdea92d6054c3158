"""Steps that many browser tests share: sign in, send films, wait for a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from tests.e2e.site_data import PASSWORD

if TYPE_CHECKING:  # needs Django set up, which `make screens` is not
    from tests.conftest import LiveStack

SCREENING = 90_000  # milliseconds; the first film waits for the network to be loaded
SIDE = 256  # pixels of a phantom


def sign_in(page: Page, site: str, name: str) -> None:
    """Sign in as an existing user."""
    page.goto(f"{site}/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Screen chest X-rays")).to_be_visible()


def create_and_sign_in(page: Page, stack: LiveStack, name: str, *, staff: bool = False) -> None:
    """Create a user and sign in."""
    stack.create_user(name, PASSWORD, staff=staff)
    sign_in(page, stack.base_url, name)


def wait_until_finished(page: Page) -> None:
    """Wait on a batch's page until all its films are finished."""
    expect(page.locator("[data-state-badges]")).to_contain_text("Finished", timeout=SCREENING)


def send_films(page: Page, name: str, films: list[Path]) -> None:
    """Choose files, send them, and wait on the batch's page until all are finished."""
    page.get_by_label("Name of the batch").fill(name)
    page.get_by_label("Choose files").set_input_files(films)
    page.get_by_role("button", name="Upload and screen").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SCREENING)
    wait_until_finished(page)
