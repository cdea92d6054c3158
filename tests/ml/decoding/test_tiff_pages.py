"""TIFF of several pages: the picture of full size is the film, previews and masks are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from screening.deidentification import clean_file
from tests.ml.decoding.test_tiff_layouts import HEIGHT, ORDERS, WIDTH, check, colours, expected, film, values_of
from tests.ml.helpers import refusal
from tests.ml.tiff_writer import SUBFILE_TYPE, Page, write_tiff


def small(factor: int = 4) -> NDArray[Any]:
    return film()[::factor, ::factor]


def unmarked_copy() -> NDArray[Any]:
    return np.asarray(Image.fromarray(film()).resize((WIDTH // 3, round(HEIGHT / 3))))


REDUCED, MASK = {SUBFILE_TYPE: 1}, {SUBFILE_TYPE: 4}
ONE_FILM: dict[str, list[Page]] = {
    "preview as second page": [Page(film()), Page(small(), tags=REDUCED)],
    "preview as first page": [Page(small(), tags=REDUCED), Page(film())],
    "preview of another shape": [Page(small()[:20], tags=REDUCED), Page(film())],
    "retired mark": [Page(film()), Page(small(), tags={255: 2})],
    "copy without mark": [Page(film()), Page(unmarked_copy())],
    "copy without mark as first page": [Page(unmarked_copy()), Page(film())],
    "pyramid": [Page(film()), *(Page(small(factor), tags=REDUCED) for factor in (2, 4, 8))],
    "pyramid in subdirectories": [Page(film(), children=[Page(small(2), tags=REDUCED), Page(small(4))])],
    "film in a subdirectory": [Page(small(), tags=REDUCED, children=[Page(film())])],
    "mask as large as the film": [Page(film()), Page(film() >> 7, bits=1, tags=MASK)],
    "mask as first page": [Page(film() >> 7, bits=1, tags=MASK), Page(film())],
    "preview in colour": [Page(film()), Page(colours()[::4, ::4], photometric=2, tags=REDUCED)],
}


@pytest.mark.parametrize(("order", "big"), ORDERS[:3])
@pytest.mark.parametrize("name", ONE_FILM)
def test_the_picture_of_full_size_is_the_film(name: str, order: str, big: bool) -> None:
    data = write_tiff(*ONE_FILM[name], order=order, big=big)
    refuse_unfit(read_header(data))
    check(data, film().astype(float))
    cleaned = clean_file(data, "tiff", b"key")
    assert [note.code for note in cleaned.notes] == ["previews_left_out"]
    assert len(cleaned.data) < film().size + 1_000  # the others are gone
    assert clean_file(cleaned.data, "tiff", b"key").notes == ()


def test_a_deep_film_behind_its_preview() -> None:
    for dtype in ("u2", "i1", "f8"):
        values = values_of(dtype)
        check(write_tiff(Page(small(), tags=REDUCED), Page(values, photometric=0)), 255 - expected(values))


@pytest.mark.parametrize(
    "pages",
    [
        [Page(film()), Page(film()[::-1])],
        [Page(film()), Page(film()[:, : WIDTH // 2])],
        [Page(film()), Page(film()[:90, :80])],
        [Page(film(), children=[Page(film()[::-1])])],
        [Page(film()), Page(film()), Page(small(), tags=REDUCED)],
    ],
    ids=["same size", "half", "somewhat smaller", "subdirectory", "two and a preview"],
)
def test_two_films_are_refused(pages: list[Page]) -> None:
    assert refusal(lambda: refuse_unfit(read_header(write_tiff(*pages)))).code == "multi_frame"


def test_a_film_called_a_reduced_one_is_read() -> None:
    check(write_tiff(Page(film(), tags=REDUCED)), film().astype(float))


def test_a_page_that_cannot_be_read_does_not_spoil_the_film() -> None:
    data = bytearray(write_tiff(Page(film()), Page(film())))
    cut = bytes(data[: len(data) - 40])
    assert read_header(cut).frames == 1
    assert np.array_equal(load(cut).pixels, film())
