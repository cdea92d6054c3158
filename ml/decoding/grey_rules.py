"""Rules of a DICOM header that give stored pixel values their meaning: depth, padding, LUTs, windows, inversion.

This is the only module that reads these attributes. :func:`read_grey_rules` reads them once into :class:`GreyRules`;
:mod:`ml.decoding.grey_choice` leaves out those that contradict the values of the film, and
:mod:`ml.decoding.grey_transforms` applies them, for the working picture and for the viewer alike.
Source: DICOM PS3.3, sections C.7.5.1.1.2 (padding), C.7.6.3.1 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT),
C.11.6 (presentation LUT).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from ml.decoding.header_numbers import has_decimal_comma, read_code, read_numbers, read_texts
from ml.decoding.lookup_tables import LookupTable, read_table
from ml.decoding.stored_words import BitField, Padding, read_bit_field, read_padding
from ml.errors import NoteCode
from ml.note_codes import (
    DECIMAL_COMMA,
    PRESENTATION_CONTRADICTS,
    RESCALE_IGNORED,
    RESCALE_SLOPE_ZERO,
    VOI_FUNCTION_UNKNOWN,
    WINDOW_UNREADABLE,
    WINDOW_WITHOUT_WIDTH,
)

MAX_WINDOWS = 8
MAX_NAME_LENGTH = 40  # characters of a window's explanation
# Beyond these, brightness in 32-bit floats no longer distinguishes neighbouring stored values.
MIN_SLOPE, MAX_SLOPE, MAX_OFFSET = 1e-30, 1e30, float(1 << 24)

LINEAR, LINEAR_EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
VOI_FUNCTIONS = frozenset({LINEAR, LINEAR_EXACT, SIGMOID})
GREY_INTERPRETATIONS = frozenset({"MONOCHROME1", "MONOCHROME2"})
IDENTITY, INVERSE = "IDENTITY", "INVERSE"
RESCALE_KEYWORDS, WINDOW_KEYWORDS = ("RescaleSlope", "RescaleIntercept"), ("WindowCenter", "WindowWidth")
Notes = tuple[NoteCode, ...]


@dataclass(frozen=True)
class Rescale:
    """Linear modality transform: ``units = stored * slope + intercept``. The slope is never 0."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Window:
    """A window as the header names it, in the film's own units (PS3.3 C.11.2.1.2)."""

    name: str
    centre: float
    width: float


@dataclass(frozen=True)
class GreyRules:
    """All rules of one film.

    Attributes:
        photometric: Photometric Interpretation.
        presentation_shape: Presentation LUT Shape, or empty.
        field: bits of a stored word that make up a value.
        padding: values that are no film, or ``None``.
        rescale: from stored values to the film's units, or ``None``.
        modality_table: the same as a table, which then comes before ``rescale``; or ``None``.
        windows: the usable windows, the first being the one that is applied.
        voi_function: ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``; how a window is applied.
        voi_table: from the film's units to brightness, which then comes before ``windows``; or ``None``.
        notes: what was put right.
    """

    photometric: str
    presentation_shape: str
    field: BitField
    padding: Padding | None = None
    rescale: Rescale | None = None
    modality_table: LookupTable | None = None
    windows: tuple[Window, ...] = ()
    voi_function: str = LINEAR
    voi_table: LookupTable | None = None
    notes: Notes = ()

    @property
    def inverted(self) -> bool:
        """Return whether low values are shown bright.

        Presentation LUT Shape decides where the header has it, as in DCMTK and dcm4che: it applies to what
        MONOCHROME1 or MONOCHROME2 says by default (PS3.3 C.8.11.3.1.2), so MONOCHROME1 with INVERSE is inverted once.
        """
        if self.presentation_shape in (IDENTITY, INVERSE):
            return self.presentation_shape == INVERSE
        return self.photometric == "MONOCHROME1"


def read_grey_rules(dataset: Dataset) -> GreyRules:
    """Read the rules of a film with one grey value a pixel. No value of the header is an error."""
    field, field_notes = read_bit_field(dataset)
    rescale, rescale_notes = read_rescale(dataset)
    modality_table, table_notes = read_table(dataset, "ModalityLUTSequence", (field.low, field.high))
    voi_table, voi_notes = read_table(dataset, "VOILUTSequence", _range_of_units(field, rescale, modality_table))
    function, function_notes = read_voi_function(dataset)
    photometric = read_code(dataset, "PhotometricInterpretation").replace(" ", "")
    windows, window_notes = read_windows(dataset, function)
    comma = has_decimal_comma(dataset, (*RESCALE_KEYWORDS, *WINDOW_KEYWORDS))
    shape = read_code(dataset, "PresentationLUTShape")
    contradicts = (photometric, shape) == ("MONOCHROME1", IDENTITY)
    return GreyRules(
        photometric=photometric,
        presentation_shape=shape,
        field=field,
        padding=read_padding(dataset, field),
        rescale=rescale,
        modality_table=modality_table,
        windows=windows if photometric in GREY_INTERPRETATIONS else (),
        voi_function=function,
        voi_table=voi_table,
        notes=(
            *field_notes,
            *(rescale_notes if modality_table is None else ()),
            *table_notes,
            *voi_notes,
            *(window_notes if voi_table is None else ()),
            *(function_notes if voi_table is None and windows else ()),
            *((DECIMAL_COMMA,) if comma else ()),
            *((PRESENTATION_CONTRADICTS,) if contradicts else ()),
        ),
    )


def read_rescale(dataset: Dataset) -> tuple[Rescale | None, Notes]:
    """Return the rescale, and what was put right. A slope of 0 is taken for 1.

    There is none unless the header has both numbers, and none whose results 32-bit floats cannot hold.
    """
    values = [read_numbers(dataset, keyword) for keyword in RESCALE_KEYWORDS]
    if not any(values):
        return None, ()
    slope, intercept = ((numbers or [None])[0] for numbers in values)
    if slope is None or intercept is None:
        return None, (RESCALE_IGNORED,)
    notes: Notes = () if slope else (RESCALE_SLOPE_ZERO,)
    slope = slope or 1.0
    if not MIN_SLOPE <= abs(slope) <= MAX_SLOPE or abs(intercept / slope) > MAX_OFFSET:
        return None, (RESCALE_IGNORED,)
    return Rescale(slope, intercept), notes


def read_voi_function(dataset: Dataset) -> tuple[str, Notes]:
    """Return how windows are applied (PS3.3 C.11.2.1.3), ``LINEAR`` unless the header names another function."""
    function = read_code(dataset, "VOILUTFunction")
    if function in VOI_FUNCTIONS:
        return function, ()
    return LINEAR, (VOI_FUNCTION_UNKNOWN,) if function else ()


def read_windows(dataset: Dataset, function: str) -> tuple[tuple[Window, ...], Notes]:
    """Return the header's usable windows (PS3.3 C.11.2.1.2), and why those before the first one are not usable.

    Args:
        dataset: the header.
        function: how windows are applied; ``LINEAR`` needs a width of at least 1, the others of more than 0.
    """
    centres, widths = (read_numbers(dataset, keyword) for keyword in WINDOW_KEYWORDS)
    names = read_texts(dataset, "WindowCenterWidthExplanation")
    windows: list[Window] = []
    notes: dict[NoteCode, None] = {}
    for index in range(min(MAX_WINDOWS, max(len(centres), len(widths)))):
        centre, width = (numbers[index] if index < len(numbers) else None for numbers in (centres, widths))
        if centre is None or width is None:
            problem = WINDOW_UNREADABLE
        elif not (width >= 1 or (width > 0 and function != LINEAR)):
            problem = WINDOW_WITHOUT_WIDTH
        else:
            windows.append(Window(names[index][:MAX_NAME_LENGTH] if index < len(names) else "", centre, width))
            continue
        if not windows:
            notes[problem] = None
    return tuple(windows), tuple(notes)


def _range_of_units(field: BitField, rescale: Rescale | None, table: LookupTable | None) -> tuple[float, float]:
    if table is not None:
        return 0, (1 << table.bits) - 1
    if rescale is None:
        return field.low, field.high
    ends = sorted(value * rescale.slope + rescale.intercept for value in (field.low, field.high))
    return ends[0], ends[1]
