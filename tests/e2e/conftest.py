"""One browser a module, one world a run, and no page may complain."""

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
from tests.e2e.browsers import ARGUMENTS, DESKTOP, PROGRAMS, find_chromium, listen
from tests.e2e.steps import SIDE
from tests.e2e.world import World, build

PATIENCE = 15_000  # milliseconds
Window = Callable[..., Page]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "complains(*patterns): the browser may say what matches one of these")


def chromium() -> str:
    """The browser's program, or a skip that says why; with ``E2E_REQUIRED=1`` a failure."""
    program = find_chromium()
    if program is not None:
        return program
    reason = f"no browser: none of {', '.join(PROGRAMS)} is on PATH, and CHROMIUM names none"
    if os.environ.get("E2E_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """See :func:`chromium`."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def world(live_stack: LiveStack) -> World:
    """Films in every state, and people to look at them."""
    return build(live_stack.stack, short_study())


@pytest.fixture
def complaints(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What the browser complains of while a test runs; the test fails for whatever it did not expect."""
    said: list[str] = []
    yield said
    patterns = [pattern for marker in request.node.iter_markers("complains") for pattern in marker.args]
    assert [one for one in said if not any(re.search(pattern, one) for pattern in patterns)] == []


@pytest.fixture
def window(
    browser: Browser, complaints: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Window]:
    """Opens windows that share nothing, each listened to; a failing test leaves pictures of them behind."""
    failed = request.session.testsfailed
    opened: list[BrowserContext] = []

    def new(size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(PATIENCE)
        listen(context, complaints)
        opened.append(context)
        return context.new_page()

    yield new
    for number, context in enumerate(opened):
        if request.session.testsfailed > failed and context.pages:
            picture = tmp_path / f"failure-{number}.png"
            context.pages[0].screenshot(path=picture, full_page=True)
            print(f"the page as it was: {picture}")
        context.close()


@pytest.fixture
def page(window: Window) -> Page:
    """One window."""
    return window()


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    """Four phantoms in three formats, and a file that is no film."""
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
