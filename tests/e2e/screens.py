"""Screenshots of every page in both themes and two widths: ``make screens``.

Starts the system, screens the sample study and writes ``var/screens``, with an ``index.html`` that shows all of them
side by side. With ``XRAY_DATA_DIR`` the study contains real films; those screenshots must not leave the machine.
``--docs`` writes the pictures of the documentation and never uses real films.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from ml.data.datasets import data_dir
from screening.batches.sample_study import sample_study
from screening.runtime.errors import StartupError
from screening.runtime.stack import remove_instance, running_stack
from tests.e2e.browsers import ARGUMENTS, DESKTOP, PHONE, find_chromium
from tests.e2e.pages import PAGE_STATES, PageState
from tests.e2e.site_data import SiteData, create_site_data

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "var" / "screens"
INSTANCE = ROOT / "var" / "screens-instance"
DOCS = ROOT / "docs" / "images"
DOCS_PAGES = {  # the page's name and the height that is shown, in pixels from the top
    "home": ("home", 900),
    "batch": ("batch", 1300),
    "film": ("film-heatmap", 900),
    "reading": ("reading-film-in-sight", 900),
    "model": ("model", 1000),
}
DOCS_COLOURS = 256
TALLEST = 6000  # pixels; a longer page is cut there
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, Theme] = ("light", "dark")
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}


@contextmanager
def opened_page(
    browser: Browser, site_data: SiteData, page_state: PageState, size: tuple[int, int], theme: Theme
) -> Iterator[Page]:
    """Open a page in one of its states, with all pictures loaded and without motion."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        reduced_motion="reduce",
        storage_state=site_data.states[page_state.username] if page_state.username else None,
    )
    page = context.new_page()
    with page_state.open_address(site_data) as address:
        page.goto(address)
        page_state.prepare(page)
        page.evaluate("for (const image of document.images) image.loading = 'eager'")
        page.wait_for_load_state("networkidle")
        yield page
    context.close()


def save_screenshots(browser: Browser, site_data: SiteData, page_states: list[PageState], out: Path) -> None:
    """Write all screenshots and the page that shows them."""
    out.mkdir(parents=True, exist_ok=True)
    for number, page_state in enumerate(page_states, start=1):
        for width, size in WIDTHS.items():
            for theme in THEMES:
                with opened_page(browser, site_data, page_state, size, theme) as page:
                    page.screenshot(
                        path=out / f"{page_state.name}-{width}-{theme}.png", full_page=True, clip=_whole(page, size)
                    )
        print(f"{number:3} of {len(page_states)}  {page_state.name}", flush=True)
    (out / "index.html").write_text(_index(page_states))


def _whole(page: Page, size: tuple[int, int]) -> FloatRect:
    height = page.evaluate("document.documentElement.scrollHeight")
    return {"x": 0, "y": 0, "width": size[0], "height": min(max(height, size[1]), TALLEST)}


def _index(page_states: list[PageState]) -> str:
    rows = []
    for page_state in page_states:
        pictures = "".join(
            f'<a href="{page_state.name}-{width}-{theme}.png"><img loading="lazy" class="{width}"'
            f' src="{page_state.name}-{width}-{theme}.png" alt="{escape(page_state.name)}, {width}, {theme}"></a>'
            for width in WIDTHS
            for theme in THEMES
        )
        rows.append(
            f'<section id="{page_state.name}"><h2>{escape(page_state.name)}</h2><div>{pictures}</div></section>'
        )
    style = (
        "body{font:15px system-ui;margin:2rem;background:#eee}div{display:flex;gap:1rem;align-items:flex-start;"
        "overflow-x:auto}img{border:1px solid #999}.desktop{width:40rem}.phone{width:13rem}"
    )
    return f'<!doctype html><meta charset="utf-8"><title>Screens</title><style>{style}</style>{"".join(rows)}\n'


def save_docs_pictures(browser: Browser, site_data: SiteData, out: Path) -> None:
    """Write the pictures of the documentation with few colours, so that the files are small."""
    page_states = {page_state.name: page_state for page_state in PAGE_STATES}
    for name, (state_name, height) in DOCS_PAGES.items():
        with opened_page(browser, site_data, page_states[state_name], DESKTOP, "light") as page:
            part: FloatRect = {"x": 0, "y": 0, "width": DESKTOP[0], "height": height}
            page.screenshot(path=out / f"{name}.png", full_page=True, clip=part)
        with Image.open(out / f"{name}.png") as picture:
            # Maximum coverage keeps the rare colours of badges beside the many greys of films.
            few = picture.convert("RGB").quantize(
                DOCS_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE
            )
        few.save(out / f"{name}.png", optimize=True)
        print(f"{out / name}.png  {(out / f'{name}.png').stat().st_size / 1000:.0f} kB", flush=True)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screens", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="only the pictures of the documentation")
    parser.add_argument("--only", default="", help="only pages whose names begin with this")
    options = parser.parse_args()
    program = find_chromium()
    if program is None:
        print("No browser: put chromium on PATH, or name one in CHROMIUM.", file=sys.stderr)
        return 2
    study = sample_study(None if options.docs else data_dir())
    for name in ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR"):
        os.environ.pop(name, None)  # servers of its own
    try:
        remove_instance(INSTANCE)
        with running_stack(INSTANCE, fast=True) as stack, sync_playwright() as playwright:
            site_data = create_site_data(stack, study)
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            if options.docs:
                save_docs_pictures(browser, site_data, DOCS)
            else:
                if not options.only:
                    shutil.rmtree(OUT, ignore_errors=True)
                chosen = [page_state for page_state in PAGE_STATES if page_state.name.startswith(options.only)]
                save_screenshots(browser, site_data, chosen, OUT)
                print(f"Look at {(OUT / 'index.html').relative_to(Path.cwd())}")
            browser.close()
    except StartupError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        remove_instance(INSTANCE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
