"""Catalogue of the notes on films: what was put right before a film was scored, and what limits its score.

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
    "Size, bits or sign of the pixels are missing or wrong in the header; they were taken from the pixels.",
    "Rows, Columns, Bits Allocated, Bits Stored or Pixel Representation are missing or wrong; they were taken from "
    "the pixels",
)
WINDOW_WITHOUT_WIDTH = NoteCode(
    "window_without_width",
    "note",
    "Window ignored: it has no width.",
    "the window in the DICOM header has a width of 0 or below 1; the next window or the full range is shown",
)
WINDOW_UNREADABLE = NoteCode(
    "window_unreadable",
    "note",
    "Window ignored: its centre or width is missing or is not a number.",
    "the window in the DICOM header cannot be read; the next window or the full range is shown",
)
WINDOW_OUTSIDE_FILM = NoteCode(
    "window_outside_film",
    "note",
    "Window ignored: all or almost all values of the film lie outside it.",
    "the window in the DICOM header hides the film; the next window or the full range is shown",
)
WINDOW_OF_8_BITS = NoteCode(
    "window_of_eight_bits",
    "note",
    "Window ignored: it is one for 8 bits, but the pixels have more.",
    "the window in the DICOM header is 0 to 255, and most of the film lies above it; the next window or the full "
    "range is shown",
)
DECIMAL_COMMA = NoteCode(
    "decimal_comma",
    "note",
    "A number in the DICOM header has a decimal comma; it was read as a decimal point.",
    "a window, rescale or spacing of the DICOM header has a decimal comma; it was read as a decimal point",
)
VOI_FUNCTION_UNKNOWN = NoteCode(
    "voi_function_unknown",
    "note",
    "VOI LUT Function ignored: it is unknown; the window is applied as LINEAR.",
    "the DICOM header names an unknown VOI LUT Function; the window is applied as LINEAR",
)
RESCALE_SLOPE_ZERO = NoteCode(
    "rescale_slope_zero",
    "note",
    "Rescale Slope ignored: it is 0; 1 was used.",
    "the Rescale Slope of the DICOM header is 0; 1 was used",
)
RESCALE_IGNORED = NoteCode(
    "rescale_ignored",
    "note",
    "Rescale ignored: slope or intercept is missing, is not a number, or is out of range.",
    "Rescale Slope or Rescale Intercept of the DICOM header cannot be used; the stored values are shown",
)
LOOKUP_TABLE_CORRECTED = NoteCode(
    "lookup_table_corrected",
    "note",
    "A lookup table in the DICOM header does not fit its description; it was read by its data.",
    "the LUT Descriptor declares other bits or more entries than LUT Data has; the data were used",
)
LOOKUP_TABLE_IGNORED = NoteCode(
    "lookup_table_ignored",
    "note",
    "Lookup table ignored: it is incomplete or hides the film.",
    "a lookup table of the DICOM header cannot be used; the next table, the window or the full range is shown",
)
PADDING_IGNORED = NoteCode(
    "padding_ignored",
    "note",
    "Pixel Padding Value ignored: it covers all or almost all of the film.",
    "the padding values of the DICOM header cover the film; the film is shown without padding",
)
HIGH_BIT_IGNORED = NoteCode(
    "high_bit_ignored",
    "note",
    "High Bit ignored: the pixels are stored in the lowest bits.",
    "High Bit of the DICOM header contradicts the pixels or Bits Stored; the lowest bits were used",
)
BITS_STORED_IGNORED = NoteCode(
    "bits_stored_ignored",
    "note",
    "Bits Stored ignored: the pixels have more bits than it says.",
    "the pixels have more bits than Bits Stored of the DICOM header says; all were used",
)
PRESENTATION_CONTRADICTS = NoteCode(
    "presentation_contradicts",
    "note",
    "Presentation LUT Shape contradicts Photometric Interpretation; black and white are shown by the shape.",
    "the DICOM header has MONOCHROME1 with Presentation LUT Shape IDENTITY; black and white are shown by the shape",
)
GATE_UNSURE = NoteCode(
    "gate_unsure",
    "note",
    "The quality gate is not sure that this is one upright frontal chest film; it was scored and flagged for review.",
    "the picture differs from the frontal films that the quality gate knows, but not clearly enough to be refused; "
    "look at the film before you use its score",
)
MAY_BE_MIRRORED = NoteCode(
    "may_be_mirrored",
    "note",
    "This film may be mirrored: the heart seems to lie on the right. It was scored and flagged for review.",
    "the heart seems to lie on the right: the film was mirrored when it was scanned, or the person has dextrocardia; "
    "compare the letter L or R on the film",
)
UNLIKE_TRAINING = NoteCode(
    "unlike_training",
    "note",
    "Unlike the films this model was trained on.",
    "the features of the film are farther from those of the training films than for 98 of 100 films of the hospitals "
    "trained on; the film was scored, and is flagged for review",
)

NOTE_CODES = catalogue(globals(), NoteCode)
# A film with one of these notes goes to review.
FLAGGING = frozenset({GATE_UNSURE.code, MAY_BE_MIRRORED.code, UNLIKE_TRAINING.code})


def find_notes(codes: Iterable[str]) -> list[NoteCode]:
    """Return the notes with these codes; codes of another version of this software are left out."""
    return [NOTE_CODES[code] for code in codes if code in NOTE_CODES]
