"""Reports as a browser prints them, page by page."""

from __future__ import annotations

import io
import re
from pathlib import Path
from unicodedata import normalize

import pytest
from playwright.sync_api import Page
from pypdf import PdfReader

from screening.config.settings import NOTICE
from tests.conftest import LiveStack
from tests.e2e.steps import create_and_sign_in, send_films

pytestmark = pytest.mark.e2e

REFUSED = 60  # enough for a table over several pages
PAPERS = {"A4": (595, 842), "Letter": (612, 792)}  # points


def print_pages(page: Page, paper: str) -> list[str]:
    """Return the texts of the printed pages."""
    reader = PdfReader(io.BytesIO(page.pdf(format=paper, prefer_css_page_size=True)))
    for sheet in reader.pages:
        size = (round(float(sheet.mediabox.width)), round(float(sheet.mediabox.height)))
        assert all(abs(found - expected) <= 1 for found, expected in zip(size, PAPERS[paper], strict=True))
    # Fonts have a single glyph for "fi"; NFKC splits it into letters.
    return [" ".join(normalize("NFKC", sheet.extract_text()).split()) for sheet in reader.pages]


def assert_paged(texts: list[str]) -> None:
    """Assert that every page has the notice and its number."""
    for number, text in enumerate(texts, start=1):
        assert NOTICE in text, f"page {number}: {text[:300]}"
        assert f"Page {number} of {len(texts)}" in text


@pytest.mark.parametrize("paper", PAPERS)
def test_reports_print_with_the_notice_on_every_page(
    page: Page, live_stack: LiveStack, films: list[Path], paper: str
) -> None:
    create_and_sign_in(page, live_stack, f"printer-{paper.lower()}")
    extra = [films[0].parent / f"no-film-{number:02}.txt" for number in range(REFUSED)]
    for path in extra:
        path.write_text(f"no film {path.name}")
    send_films(page, "On paper", [*films, *extra])

    page.get_by_role("link", name="Report").click()
    page.wait_for_load_state("networkidle")
    texts = print_pages(page, paper)
    assert len(texts) >= 3
    assert_paged(texts)
    whole = " ".join(texts)
    assert all(path.name in whole for path in [*films, *extra])
    assert f"unsupported_kind {REFUSED + 1}" in whole
    assert "Back to the batch" not in whole
    for picture in page.locator(".film-table img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")

    page.get_by_role("link", name="second.png").click()
    page.goto(f"{page.url.split('?')[0]}/report")
    page.wait_for_load_state("networkidle")
    assert page.locator(".report-film img").evaluate("image => image.naturalWidth") > 0
    texts = print_pages(page, paper)
    assert_paged(texts)
    assert re.search(r"de-identification receipt", " ".join(texts), re.IGNORECASE)
