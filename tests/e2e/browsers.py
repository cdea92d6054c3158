"""Chromium for the tests, and the recording of its error messages."""

from __future__ import annotations

import os
import re
import shutil
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# The sandbox needs rights that containers lack; the other options stop the browser's own requests.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]  # fmt: skip
DESKTOP, PHONE = (1280, 900), (390, 844)  # CSS pixels

OWN_HOSTS = ("127.0.0.1", "localhost")  # pages may send requests to no other host

# The text of Chromium's own message about the policy differs between releases; the event is a standard.
POLICY = """document.addEventListener("securitypolicyviolation", (event) => console.error(
  `policy: ${event.effectiveDirective} refused ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`));"""
# No error: a page that was left before all its pictures were loaded, and a link that became a download.
IGNORED = re.compile(r"^request: .* net::ERR_ABORTED$")


def find_chromium() -> str | None:
    """Return the browser's program: the one that ``CHROMIUM`` names, else the first on the path, else None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def record_messages(context: BrowserContext, complaints: list[str]) -> None:
    """Append a line to ``complaints`` for everything that goes wrong in any page of a context.

    That is: errors and warnings of the console, uncaught errors, failed requests, requests to other hosts, and
    violations of the content security policy. Chromium reports a status of 400 and above as an error of the console.
    """

    def record_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def record_failure(request: Request) -> None:
        message = f"request: {request.method} {request.url} {request.failure}"
        if not IGNORED.match(message):
            complaints.append(message)

    def record_outside_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname not in OWN_HOSTS:
            complaints.append(f"outside: {request.url}")

    context.add_init_script(POLICY)
    context.on("request", record_outside_request)
    context.on("console", record_console)
    context.on("weberror", lambda error: complaints.append(f"script: {error.error}"))
    context.on("requestfailed", record_failure)
