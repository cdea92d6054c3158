"""The page about de-identification says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from screening.deidentification import png, tiff, webp
from screening.deidentification.dicom_attributes import (
    ADDED_VALUES,
    BULK_TAGS,
    DISPLAY_TAGS,
    LOOKUP_TABLE_TAGS,
    PIXEL_TAGS,
    PSEUDONYMISED_TAGS,
    SCREENING_TAGS,
)
from screening.deidentification.dicom_values import attribute_name

PAGE = (Path(__file__).parents[3] / "docs" / "de-identification.md").read_text()
ROWS = {cells[1].strip(): cells[2] for line in PAGE.splitlines() if len(cells := line.split("|")) == 4}


def test_every_attribute_is_on_the_page_under_what_it_is_for() -> None:
    listed = {
        "to decode the pixels": {*PIXEL_TAGS, *BULK_TAGS},
        "to show them": set(DISPLAY_TAGS),
        "in the items of these two sequences": set(LOOKUP_TABLE_TAGS),
        "for intake and the gate": set(SCREENING_TAGS),
        "replaced by pseudonyms": set(PSEUDONYMISED_TAGS),
        "written into every film": set(ADDED_VALUES),
    }
    for title, tags in listed.items():
        assert all(attribute_name(tag) in ROWS[title] for tag in tags), title
        assert len(re.findall(r"\([0-9A-F]{4},[0-9A-F]{4}\)", ROWS[title])) == len(tags), title


def test_every_chunk_and_tag_is_on_the_page() -> None:
    assert set(re.findall(r"`(\w{4})`", ROWS["PNG"])) == {
        kind.decode() for kind in (*png.ALLOWED_SIZES, b"IDAT", b"IEND")
    }
    kept = (*webp.PIXEL_CHUNKS, *webp.FIXED_SIZES, webp.FRAME)
    assert set(re.findall(r"`(.{4})`", ROWS["WebP"])) == {kind.decode() for kind in kept}
    tags = {*tiff.ALLOWED_TAGS, *tiff.STRIPS, *tiff.TILES, tiff.JPEG_TABLES}
    assert {int(tag) for tag in re.findall(r"\d{3}", ROWS["TIFF"])} == tags
