"""Fixtures of the browser tests: one browser a module, one set of site data a run, and no error in any page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes
from screening.batches.sample_study import short_study
from tests.conftest import LiveStack
from tests.e2e.browsers import ARGUMENTS, DESKTOP, PROGRAMS, find_chromium, record_messages
from tests.e2e.site_data import SiteData, create_site_data
from tests.e2e.steps import SIDE

PATIENCE = 15_000  # milliseconds
NewWindow = Callable[..., Page]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser_errors(*patterns): errors of the browser that the test expects")


def chromium() -> str:
    """Return the browser's program; skip the test where there is none, or fail with ``E2E_REQUIRED=1``."""
    program = find_chromium()
    if program is not None:
        return program
    reason = f"no browser: none of {', '.join(PROGRAMS)} is on PATH, and CHROMIUM names none"
    if os.environ.get("E2E_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start one browser for a module."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site_data(live_stack: LiveStack) -> SiteData:
    """Create films in every state, and users who look at them."""
    return create_site_data(live_stack.stack, short_study())


@pytest.fixture
def complaints(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Collect the browser's errors during a test; the test fails for each that it does not expect."""
    messages: list[str] = []
    yield messages
    patterns = [pattern for marker in request.node.iter_markers("browser_errors") for pattern in marker.args]
    assert [text for text in messages if not any(re.search(pattern, text) for pattern in patterns)] == []


@pytest.fixture
def new_window(
    browser: Browser, complaints: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[NewWindow]:
    """Return a function that opens a window with a session of its own; a failing test leaves screenshots."""
    failed = request.session.testsfailed
    opened: list[BrowserContext] = []

    def open_window(size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(PATIENCE)
        record_messages(context, complaints)
        opened.append(context)
        return context.new_page()

    yield open_window
    for number, context in enumerate(opened):
        if request.session.testsfailed > failed and context.pages:
            picture = tmp_path / f"failure-{number}.png"
            context.pages[0].screenshot(path=picture, full_page=True)
            print(f"screenshot of the page: {picture}")
        context.close()


@pytest.fixture
def page(new_window: NewWindow) -> Page:
    """Open one window."""
    return new_window()


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    """Write four phantoms in three formats, and a file that is not a film."""
    contents = {
        "first.png": png_bytes(PhantomSpec(SIDE, SIDE, seed=1)),
        "second.png": png_bytes(PhantomSpec(SIDE, SIDE, seed=2, opacities=2)),
        "third.jpg": jpeg_bytes(PhantomSpec(SIDE, SIDE, seed=3)),
        "fourth": dicom_bytes(PhantomSpec(SIDE, SIDE, seed=4, bits=12)),
        "broken.png": b"this is no picture",
    }
    folder = tmp_path / "films"
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]
