"""A blank page from which single script modules can be imported, and the calls of their functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

import dashboard

SCRIPTS = Path(dashboard.__file__).parent / "static" / "dashboard"
SITE = "http://localhost"  # nothing listens there; a secure origin, so that digests can be computed


@contextmanager
def blank_page(browser: Browser) -> Iterator[Page]:
    """Open a blank page of a site that serves the scripts; no server runs."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{SITE}/**", _serve)
    page.goto(f"{SITE}/")
    yield page
    context.close()


def run_script(page: Page, module: str, script: str, argument: object = None) -> Any:
    """Run ``script``, the body of an async function that sees the ``module``'s exports as ``m`` and ``argument``."""
    return page.evaluate(
        f"async (argument) => {{ const m = await import('{SITE}/{module}');\n{script} }}",
        argument,
    )


def call(page: Page, module: str, function: str, *arguments: object) -> Any:
    """Call an exported function and return its value."""
    return run_script(page, module, f"return m.{function}(...argument);", list(arguments))


def _serve(route: Route) -> None:
    path = urlsplit(route.request.url).path.lstrip("/")
    if path:
        route.fulfill(path=SCRIPTS / path, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>Modules</title>", content_type="text/html")
