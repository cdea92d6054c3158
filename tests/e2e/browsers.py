"""A real Chromium, and an ear for whatever it complains about."""

from __future__ import annotations

import os
import re
import shutil
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# The sandbox needs rights that containers lack; the rest keeps the browser from calling home.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]  # fmt: skip
DESKTOP, PHONE = (1280, 900), (390, 844)  # CSS pixels

HERE = ("127.0.0.1", "localhost")  # no page may ask anybody else for anything

# Chromium words its own messages about the policy differently from release to release; the event is a standard.
POLICY = """document.addEventListener("securitypolicyviolation", (event) => console.error(
  `policy: ${event.effectiveDirective} refused ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`));"""
# No fault of ours: a page left before all of its pictures had come, and a link that became a download.
IGNORED = re.compile(r"^request: .* net::ERR_ABORTED$")


def find_chromium() -> str | None:
    """The browser's program: what ``CHROMIUM`` names, else the first one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def listen(context: BrowserContext, complaints: list[str]) -> None:
    """Write down whatever goes wrong in any page of a context.

    That is: errors and warnings of the console, uncaught errors, requests that failed, and reports of the content
    security policy. An answer of 400 and above is an error of the console, as Chromium sees it.
    """

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def failed(request: Request) -> None:
        said = f"request: {request.method} {request.url} {request.failure}"
        if not IGNORED.match(said):
            complaints.append(said)

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname not in HERE:
            complaints.append(f"outside: {request.url}")

    context.add_init_script(POLICY)
    context.on("request", asked)
    context.on("console", console)
    context.on("weberror", lambda error: complaints.append(f"script: {error.error}"))
    context.on("requestfailed", failed)
