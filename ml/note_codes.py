"""Catalogue of the notes on films: what was put right before a film was scored.

A film keeps the codes of its notes. Pages, exports and the API show the sentences of this catalogue beside them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ml.errors import NoteCode, catalogue

INVERTED = NoteCode(
    "inverted",
    "note",
    "Black and white are inverted in this file; this was corrected before scoring.",
    "black and white were inverted in the file, and were swapped back",
)
PIXELS_STRETCHED = NoteCode(
    "pixels_stretched",
    "note",
    "The pixels of this file are not square; the film was stretched by their spacing.",
    "the header says that pixels are not square; the film was stretched to square ones",
)
SPACING_IGNORED = NoteCode(
    "spacing_ignored",
    "note",
    "Pixel spacing ignored: its two numbers differ more than on any film.",
    "the two numbers of the pixel spacing differ more than on any film; the film was not stretched",
)
PREVIEWS_LEFT_OUT = NoteCode(
    "previews_left_out",
    "note",
    "The file also holds smaller pictures (previews or masks); only the largest picture was kept and scored.",
    "the file also held smaller pictures, such as previews or masks; only the largest was kept and scored",
)
COMPRESSION_CORRECTED = NoteCode(
    "compression_corrected",
    "note",
    "The header names another compression than the pixels have; they were read by their own markers.",
    "the Transfer Syntax UID of the header is not that of the pixels; they were read by their own markers",
)
HEADER_CORRECTED = NoteCode(
    "header_corrected",
    "note",
    "Size or bits of the pixels are missing or wrong in the header; they were taken from the pixels.",
    "Rows, Columns, Bits Allocated or Bits Stored are missing or wrong; they were taken from the pixels",
)

NOTE_CODES = catalogue(globals(), NoteCode)


def find_notes(codes: Iterable[str]) -> list[NoteCode]:
    """Return the notes with these codes; codes of another version of this software are left out."""
    return [NOTE_CODES[code] for code in codes if code in NOTE_CODES]
