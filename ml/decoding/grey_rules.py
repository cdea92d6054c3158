"""Rules of a DICOM header that give stored pixel values their meaning: depth, padding, LUTs, windows, inversion.

This is the only module that reads these attributes. :func:`read_grey_rules` reads them once into :class:`GreyRules`;
:mod:`ml.decoding.grey_transforms` applies them, for the working picture and for the viewer alike.
Source: DICOM PS3.3, sections C.7.5.1.1.2 (padding), C.7.6.3.1 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue

BYTE = 8
SIGN_BIT, CODES = 1 << 15, 1 << 16  # of the 16-bit padding attributes
MAX_TABLE_ENTRIES = 1 << 16  # written as 0 in a LUT descriptor
MAX_WINDOWS = 8
MAX_NAME_LENGTH = 40  # characters of a window's explanation

LINEAR, LINEAR_EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
VOI_FUNCTIONS = frozenset({LINEAR, LINEAR_EXACT, SIGMOID})


@dataclass(frozen=True)
class Rescale:
    """Linear modality transform: ``units = stored * slope + intercept``. The slope is never 0."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class LookupTable:
    """A modality or VOI LUT.

    Attributes:
        first: the input value that the first entry belongs to.
        entries: uint8 or uint16 [N].
        declared: how many entries the descriptor declares; some may be missing at the end.
        bits: bits of an entry, as the descriptor declares them.
    """

    first: int
    entries: NDArray[Any]
    declared: int
    bits: int


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
        presentation_shape: Presentation LUT Shape, or empty. Read, but not applied yet.
        bits_stored: bits of a stored value.
        high_bit: position of its highest bit. Read, but not applied yet: values are taken from the low bits.
        signed: whether stored values are two's complement.
        padding: the smallest and the largest stored value that are padding, or ``None``.
        rescale: from stored values to the film's units, or ``None``.
        modality_table: the same as a table, which then comes before ``rescale``; or ``None``.
        windows: the usable windows, the first being the one that is applied.
        voi_function: ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``; how a window is applied.
        voi_table: from the film's units to brightness, which then comes before ``windows``; or ``None``.
    """

    photometric: str
    presentation_shape: str
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None
    rescale: Rescale | None
    modality_table: LookupTable | None
    windows: tuple[Window, ...]
    voi_function: str
    voi_table: LookupTable | None

    @property
    def inverted(self) -> bool:
        """Whether low values are shown bright."""
        return self.photometric == "MONOCHROME1"


def read_grey_rules(dataset: Dataset) -> GreyRules:
    """Read the rules of a film with one grey value a pixel.

    Raises:
        Exception: any exception that pydicom raises for a damaged header.
    """
    bits = _first_integer(dataset, "BitsStored") or int(dataset.BitsAllocated)  # float pixels have no Bits Stored
    high_bit = _first_integer(dataset, "HighBit")
    function = read_voi_function(dataset)
    return GreyRules(
        photometric=dataset.PhotometricInterpretation,
        presentation_shape=_code(dataset, "PresentationLUTShape"),
        bits_stored=bits,
        high_bit=bits - 1 if high_bit is None else high_bit,
        signed=is_signed(dataset),
        padding=read_padding(dataset),
        rescale=read_rescale(dataset),
        modality_table=read_table(dataset, "ModalityLUTSequence"),
        windows=read_windows(dataset, function),
        voi_function=function,
        voi_table=read_table(dataset, "VOILUTSequence"),
    )


def is_signed(dataset: Dataset) -> bool:
    """Return whether stored values are two's complement."""
    return bool(dataset.get("PixelRepresentation") == 1)


def read_padding(dataset: Dataset) -> tuple[int, int] | None:
    """Return the smallest and the largest stored value that are padding (PS3.3 C.7.5.1.1.2), or ``None``.

    The header gives one value, or two that are the ends of a range, in either order. A limit without a value means
    nothing. Values are read with the sign of the pixels, independent of their VR.
    """
    value = _padding_number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _padding_number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    return low, high


def read_rescale(dataset: Dataset) -> Rescale | None:
    """Return the rescale, or ``None`` unless the header has both of its numbers. A slope of 0 is taken for 1."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None:
        return None
    return Rescale(float(slope) or 1.0, float(intercept))


def read_table(dataset: Dataset, keyword: str) -> LookupTable | None:
    """Return the first table of a LUT sequence (PS3.3 C.11.1.1 and C.11.2.1.1), or ``None`` where there is none.

    Raises:
        ValueError: when words (VR OW) are missing, or when an entry does not fit into the declared bits.
    """
    items = dataset.get(keyword)
    if not items or items[0].get("LUTDescriptor") is None or items[0].get("LUTData") is None:
        return None
    count, first, bits = (int(number) for number in items[0].LUTDescriptor[:3])
    declared = count % MAX_TABLE_ENTRIES or MAX_TABLE_ENTRIES
    entries = _table_entries(dataset, items[0], declared)
    if entries.min() < 0 or entries.max() >= 1 << (BYTE if bits == BYTE else 2 * BYTE):
        raise ValueError(f"the entries of {keyword} do not fit into {bits} bits")
    return LookupTable(first, entries.astype(np.uint8 if bits == BYTE else np.uint16), declared, bits)


def read_voi_function(dataset: Dataset) -> str:
    """Return how windows are applied (PS3.3 C.11.2.1.3): ``LINEAR`` unless the header names another function."""
    function = _code(dataset, "VOILUTFunction")
    return function if function in VOI_FUNCTIONS else LINEAR


def read_windows(dataset: Dataset, function: str) -> tuple[Window, ...]:
    """Return the header's windows without those that have no width (PS3.3 C.11.2.1.2).

    Args:
        dataset: the header.
        function: how windows are applied; ``LINEAR`` needs a width of at least 1, the others of more than 0.
    """
    centres, widths, names = (
        _list(dataset.get(keyword)) for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")
    )
    windows = []
    for index, (centre, width) in enumerate(zip(centres[:MAX_WINDOWS], widths, strict=False)):
        if "" in (centre, width) or not _has_width(float(width), function):
            continue
        name = str(names[index])[:MAX_NAME_LENGTH] if index < len(names) else ""
        windows.append(Window(name, float(centre), float(width)))
    return tuple(windows)


def _has_width(width: float, function: str) -> bool:
    return width >= 1 or (width > 0 and function != LINEAR)


def _table_entries(dataset: Dataset, item: Dataset, declared: int) -> NDArray[np.int64]:
    if item["LUTData"].VR != "OW":
        return np.asarray(_list(item.LUTData), dtype=np.int64)
    order = "<" if dataset.original_encoding[1] else ">"
    return np.frombuffer(item.LUTData, dtype=f"{order}u2", count=declared).astype(np.int64)


def _padding_number(dataset: Dataset, keyword: str) -> int | None:
    number, signed = _first_integer(dataset, keyword), is_signed(dataset)
    if number is None:
        return None
    if signed and SIGN_BIT <= number < CODES:
        return number - CODES
    return number + CODES if number < 0 and not signed else number


def _first_integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first value of an attribute, or ``None`` where it has none; one value is allowed."""
    values = _list(dataset.get(keyword))
    return int(values[0]) if values else None


def _code(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]
