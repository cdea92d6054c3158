"""The viewer's canvas shows films with random legal headers as the standard says, and as DCMTK shows them."""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from ml.decoding.viewer_pixels import decode_values
from screening.worker.viewer_rendering import pack_values
from tests.e2e.modules import blank_page, run_script
from tests.ml.dcmtk import is_comparable, needs_tools, reference_picture
from tests.ml.drawn_headers import LOSSY_NAMES, DrawnFilm, draw_film, spread

pytestmark = pytest.mark.e2e

SEEDS = range(int(os.environ.get("PROPERTY_DRAWS", "150")) // 5)
ROUNDING, REFERENCE_BOUND = 0.51, 1.0  # grey levels
MIDDLE = 98  # percent of the pixels, those that differ most left out
# Paints a film as the page does when it is opened, at one device pixel a pixel, and reads the canvas.
PAINT = """
  const at = "http://localhost/viewer/";
  const [{ PixelValues }, { WindowChoice }, { colourTable }, { Viewport }] = await Promise.all(
    ["pixel-values.js", "window-choice.js", "window-level.js", "viewport.js"].map((name) => import(at + name)));
  const values = PixelValues.unpack(Uint8Array.from(atob(argument), (sign) => sign.charCodeAt(0)).buffer);
  const choice = new WindowChoice();
  choice.setValues(values);
  const viewport = new Viewport();
  viewport.setStageSize(values.width, values.height);
  viewport.setFilmSize(values.width, values.height);
  const painter = new m.Painter(document.createElement("canvas"));
  painter.resize(values.width, values.height);
  painter.paint(values, viewport, colourTable(values, choice.window, false), null, 0);
  const { data } = painter.context.getImageData(0, 0, values.width, values.height);
  return Array.from({ length: data.length / 4 }, (_, index) => data[4 * index]);
"""


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with blank_page(browser) as page:
        yield page


def canvas_of(page: Page, film: DrawnFilm) -> NDArray[np.float64]:
    packed = gzip.decompress(pack_values(decode_values(film.data, "dicom")))
    levels = run_script(page, "viewer/painter.js", PAINT, base64.b64encode(packed).decode())
    return np.array(levels, dtype=np.float64).reshape(film.values.shape)


def test_the_canvas_shows_what_the_standard_says(blank: Page) -> None:
    for seed in SEEDS:
        film = draw_film(seed)
        if film.header["syntax"] in LOSSY_NAMES:
            continue
        difference = np.abs(canvas_of(blank, film) - film.expected_on_screen)
        assert difference.max() <= ROUNDING, (seed, film.header)


@needs_tools
def test_the_canvas_shows_what_dcmtk_shows(blank: Page, tmp_path: Path) -> None:
    """A window as it is; any other film is spread over all grey levels, as it is on the canvas."""
    for seed in SEEDS:
        film = draw_film(seed)
        if not is_comparable(film):
            continue
        shown = reference_picture(film, tmp_path)
        expected = shown * (255 / 65535) if film.linear else spread(shown, film.inside)
        difference = np.abs(canvas_of(blank, film) - expected)[film.inside]
        assert np.percentile(difference, MIDDLE) <= REFERENCE_BOUND, (seed, film.header)
