"""The allow-list of DICOM attributes, and the values that each may have: codes of the standard and numbers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword

from ml.decoding.examination_words import find_body_part, find_modality, find_view
from ml.decoding.pixel_attributes import NUMBERS, PHOTOMETRIC

MAX_VALUES = 64  # of windows
MAX_TABLE_ENTRIES = 1 << 16  # entries of a lookup table (PS3.3 C.11.1.1)


class Attribute(NamedTuple):
    """An allowed attribute.

    Attributes:
        vrs: its value representations; the first is used where the file has none.
        max_values: how many values it may have.
        terms: the allowed codes; the first value that is not one of them is dropped with all that follow it.
    """

    vrs: tuple[str, ...]
    max_values: int = 1
    terms: frozenset[str] = frozenset()


def _terms(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _code(terms: str, max_values: int = 1) -> Attribute:
    return Attribute(("CS",), max_values, _terms(terms))


YES_NO = _code("YES NO")
US_OR_SS = ("US", "SS")
TABLE_VRS = ("US", "SS", "OW")
DIRECTIONS = frozenset("".join(some) for number in (1, 2, 3) for some in permutations("AFHLPR", number))

COMPRESSIONS = (
    "ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15 ISO_18181_1 ISO_13818_2 ISO_14496_10 ISO_23008_2 RFC1951"
)

PIXEL_TAGS: dict[int, Attribute] = {
    0x00280002: Attribute(("US",)),  # Samples per Pixel
    0x00280004: Attribute(("CS",), terms=PHOTOMETRIC),  # Photometric Interpretation
    0x00280006: Attribute(("US",)),  # Planar Configuration
    0x00280008: Attribute(("IS",)),  # Number of Frames
    0x00280010: Attribute(("US",)),  # Rows
    0x00280011: Attribute(("US",)),  # Columns
    0x00280100: Attribute(("US",)),  # Bits Allocated
    0x00280101: Attribute(("US",)),  # Bits Stored
    0x00280102: Attribute(("US",)),  # High Bit
    0x00280103: Attribute(("US",)),  # Pixel Representation
    0x00281101: Attribute(US_OR_SS, 3),  # Red Palette Color Lookup Table Descriptor
    0x00281102: Attribute(US_OR_SS, 3),  # Green
    0x00281103: Attribute(US_OR_SS, 3),  # Blue
    0x00281201: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Red Palette Color Lookup Table Data
    0x00281202: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Green
    0x00281203: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Blue
    0x00281221: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Segmented Red Palette Color Lookup Table Data
    0x00281222: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Green
    0x00281223: Attribute(("OW",), MAX_TABLE_ENTRIES),  # Blue
    0x00282110: _code("00 01"),  # Lossy Image Compression
    0x00282112: Attribute(("DS",), MAX_VALUES),  # Lossy Image Compression Ratio
    0x00282114: _code(COMPRESSIONS, MAX_VALUES),  # Lossy Image Compression Method
}
BULK_TAGS = {  # of any length
    0x7FE00001: Attribute(("OV",)),  # Extended Offset Table
    0x7FE00002: Attribute(("OV",)),  # Extended Offset Table Lengths
    0x7FE00003: Attribute(("UV",)),  # Encapsulated Pixel Data Value Total Length
    0x7FE00008: Attribute(("OF",)),  # Float Pixel Data
    0x7FE00009: Attribute(("OD",)),  # Double Float Pixel Data
    0x7FE00010: Attribute(("OW", "OB")),  # Pixel Data
}
LOOKUP_TABLE_TAGS: dict[int, Attribute] = {  # allowed in the items of the two sequences below
    0x00283002: Attribute(US_OR_SS, 3),  # LUT Descriptor
    0x00283004: Attribute(("LO",), terms=_terms("OD HU US MGML Z_EFF ED EDW HU_MOD PCT")),
    0x00283006: Attribute(TABLE_VRS, MAX_TABLE_ENTRIES),  # LUT Data
}
DISPLAY_TAGS: dict[int, Attribute] = {
    0x00280030: Attribute(("DS",), 2),  # Pixel Spacing
    0x00280034: Attribute(("IS",), 2),  # Pixel Aspect Ratio
    0x00181164: Attribute(("DS",), 2),  # Imager Pixel Spacing
    0x00182010: Attribute(("DS",), 2),  # Nominal Scanned Pixel Spacing
    0x00280106: Attribute(US_OR_SS),  # Smallest Image Pixel Value
    0x00280107: Attribute(US_OR_SS),  # Largest Image Pixel Value
    0x00280120: Attribute(US_OR_SS, 2),  # Pixel Padding Value; the standard allows one, vendors write two
    0x00280121: Attribute(US_OR_SS, 2),  # Pixel Padding Range Limit
    0x00280122: Attribute(("FL",)),  # Float Pixel Padding Value
    0x00280123: Attribute(("FD",)),  # Double Float Pixel Padding Value
    0x00280124: Attribute(("FL",)),  # Float Pixel Padding Range Limit
    0x00280125: Attribute(("FD",)),  # Double Float Pixel Padding Range Limit
    0x00281040: _code("LIN LOG DISP"),  # Pixel Intensity Relationship
    0x00281041: Attribute(("SS",)),  # Pixel Intensity Relationship Sign
    0x00281050: Attribute(("DS",), MAX_VALUES),  # Window Center
    0x00281051: Attribute(("DS",), MAX_VALUES),  # Window Width
    0x00281052: Attribute(("DS",)),  # Rescale Intercept
    0x00281053: Attribute(("DS",)),  # Rescale Slope
    0x00281054: Attribute(("LO",), terms=LOOKUP_TABLE_TAGS[0x00283004].terms),  # Rescale Type
    0x00281056: _code("LINEAR LINEAR_EXACT SIGMOID"),  # VOI LUT Function
    0x00283000: Attribute(("SQ",)),  # Modality LUT Sequence
    0x00283010: Attribute(("SQ",)),  # VOI LUT Sequence
    0x20500020: _code("IDENTITY INVERSE"),  # Presentation LUT Shape
}
SCREENING_TAGS: dict[int, Attribute] = {
    0x00080008: _code("ORIGINAL DERIVED PRIMARY SECONDARY", 2),  # Image Type
    0x00080016: Attribute(("UI",)),  # SOP Class UID
    0x00080060: Attribute(("CS",)),  # Modality
    0x00080064: _code("DV DI DF WSD SD SI DRW SYN"),  # Conversion Type
    0x00080068: Attribute(("CS",), terms=frozenset({"FOR PRESENTATION", "FOR PROCESSING"})),
    0x00180015: Attribute(("CS",)),  # Body Part Examined
    0x00185101: Attribute(("CS",)),  # View Position
    0x00200020: Attribute(("CS",), 2, DIRECTIONS),  # Patient Orientation
    0x00200060: _code("R L"),  # Laterality
    0x00200062: _code("R L U B"),  # Image Laterality
    0x00280301: YES_NO,  # Burned In Annotation
    0x00280302: YES_NO,  # Recognizable Visual Features
}
EXAMINATION_TERMS: dict[int, Callable[[bytes], str]] = {  # the standard's term that a value means, or nothing
    0x00080060: find_modality,
    0x00180015: find_body_part,
    0x00185101: find_view,
}
# Numbers that describe the pixels, whatever value representation they are written in.
PIXEL_NUMBERS = {int(tag_for_keyword(keyword) or 0): keyword for keyword in NUMBERS}
PALETTE_TAGS = frozenset(tag for tag in PIXEL_TAGS if 0x00281101 <= tag <= 0x00281223)
ALLOWED_TAGS = {**PIXEL_TAGS, **BULK_TAGS, **DISPLAY_TAGS, **SCREENING_TAGS}

PATIENT_ID, PATIENT_ISSUER, PATIENT_NAME, BIRTH_DATE = 0x00100020, 0x00100021, 0x00100010, 0x00100030
CHARACTER_SET = 0x00080005
STUDY, SERIES, INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
PSEUDONYMISED_TAGS = {PATIENT_ID: "LO", STUDY: "UI", SERIES: "UI", INSTANCE: "UI"}
# Written into every film (PS3.15 E.1.1): that and how it was de-identified, and that no dates are left.
ADDED_VALUES = {
    0x00120062: ("CS", b"YES"),  # Patient Identity Removed
    0x00120063: ("LO", b"Allow-list, after DICOM PS3.15 Annex E Basic Profile"),  # De-identification Method
    0x00280303: ("CS", b"REMOVED"),  # Longitudinal Temporal Information Modified
}
