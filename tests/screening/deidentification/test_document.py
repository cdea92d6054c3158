"""The page about de-identification says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from screening.deidentification import png, tiff, webp
from screening.deidentification.dicom_attributes import (
    BULK,
    LOOKUP_TABLE,
    PIXELS,
    REPLACED,
    SCREENING,
    SHOWING,
    WRITTEN,
)
from screening.deidentification.dicom_values import named

PAGE = (Path(__file__).parents[3] / "docs" / "de-identification.md").read_text()
ROWS = {cells[1].strip(): cells[2] for line in PAGE.splitlines() if len(cells := line.split("|")) == 4}


def test_every_attribute_is_on_the_page_under_what_it_is_for() -> None:
    listed = {
        "to decode the pixels": {*PIXELS, *BULK},
        "to show them": set(SHOWING),
        "in the items of these two sequences": set(LOOKUP_TABLE),
        "for intake and the gate": set(SCREENING),
        "replaced by pseudonyms": set(REPLACED),
        "written into every film": set(WRITTEN),
    }
    for title, tags in listed.items():
        assert all(named(tag) in ROWS[title] for tag in tags), title
        assert len(re.findall(r"\([0-9A-F]{4},[0-9A-F]{4}\)", ROWS[title])) == len(tags), title


def test_every_chunk_and_tag_is_on_the_page() -> None:
    assert set(re.findall(r"`(\w{4})`", ROWS["PNG"])) == {kind.decode() for kind in (*png.SIZES, b"IDAT", b"IEND")}
    kept = (*webp.PIXELS, *webp.FIXED, webp.FRAME)
    assert set(re.findall(r"`(.{4})`", ROWS["WebP"])) == {kind.decode() for kind in kept}
    tags = {*tiff.KEPT, *tiff.STRIPS, *tiff.TILES, tiff.JPEG_TABLES}
    assert {int(tag) for tag in re.findall(r"\d{3}", ROWS["TIFF"])} == tags
