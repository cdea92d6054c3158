"""Lookup tables (LUT) of a DICOM header: modality and VOI, as the standard describes them and as vendors write them.

Source: DICOM PS3.3, sections C.11.1.1 and C.11.2.1.1. The descriptor has three values: the number of entries (0
stands for 65,536), the input value of the first entry, and the bits of an entry. Vendors write fewer bits than the
entries need, or leave entries out; so the data decide, and the descriptor only where the data allow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ml.decoding.header_numbers import read_numbers
from ml.errors import NoteCode
from ml.note_codes import LOOKUP_TABLE_CORRECTED, LOOKUP_TABLE_IGNORED

BYTE = 8
WORD_BITS = 16
CODES = 1 << WORD_BITS
MAX_TABLE_ENTRIES = 1 << 16  # written as 0 in a LUT descriptor
MAX_ITEMS = 16  # of a sequence that are tried


@dataclass(frozen=True)
class LookupTable:
    """A modality or VOI LUT.

    Attributes:
        first: the input value that the first entry belongs to.
        entries: uint16 [N]; values beyond an end get the entry at that end.
        bits: bits of an entry; at least as many as the largest entry has.
    """

    first: int
    entries: NDArray[np.uint16]
    bits: int


def read_table(
    dataset: Dataset, keyword: str, inputs: tuple[float, float]
) -> tuple[LookupTable | None, tuple[NoteCode, ...]]:
    """Read the first usable table of a LUT sequence.

    Args:
        dataset: the header.
        keyword: of the sequence.
        inputs: the smallest and the largest value that the film may have before the table.

    Returns:
        The table, ``None`` where there is no usable one; and what was put right.
    """
    try:
        items = list(dataset.get(keyword) or ())[:MAX_ITEMS]
    except Exception:  # pydicom raises any exception for a damaged sequence
        return None, (LOOKUP_TABLE_IGNORED,)
    notes: tuple[NoteCode, ...] = ()
    for item in items:
        table, corrected = _read_item(item, dataset, inputs)
        if table is not None:
            return table, (*notes, LOOKUP_TABLE_CORRECTED) if corrected else notes
        notes = (LOOKUP_TABLE_IGNORED,)
    return None, notes


def _read_item(item: Dataset, dataset: Dataset, inputs: tuple[float, float]) -> tuple[LookupTable | None, bool]:
    """Return the table of an item, ``None`` if it is not usable, and whether its descriptor was corrected."""
    descriptor = [None if number is None else int(number) % CODES for number in read_numbers(item, "LUTDescriptor")]
    if len(descriptor) < 2 or descriptor[0] is None or descriptor[1] is None:
        return None, False
    declared = descriptor[0] or MAX_TABLE_ENTRIES
    bits = descriptor[2] if len(descriptor) > 2 and descriptor[2] is not None else 0
    entries, complete = _find_entries(_read_data(item, dataset), declared, bits)
    if len(entries) < 2 or entries.min() == entries.max():
        return None, False
    needed = int(entries.max()).bit_length()
    right = needed <= bits <= WORD_BITS
    first = _find_first(descriptor[1], len(entries), inputs)
    return LookupTable(first, entries, bits if right else max(needed, BYTE)), not (right and complete)


def _find_entries(data: bytes, declared: int, bits: int) -> tuple[NDArray[np.uint16], bool]:
    """Return the entries, and whether they are as many as the descriptor declares.

    Args:
        data: of LUT Data; words are little endian, so that of two 8-bit entries in a word the first is the low byte.
        declared: number of entries.
        bits: of an entry.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    words = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2")
    if len(words) >= declared:
        return words[:declared].astype(np.uint16), True
    if declared <= len(octets) <= declared + 1:  # one byte an entry, and maybe one to make the length even
        return octets[:declared].astype(np.uint16), True
    one_byte = bits <= BYTE and len(words) > 0 and words.max() >= 1 << BYTE and bits > 0
    return (octets if one_byte else words).astype(np.uint16), False


def _find_first(code: int, count: int, inputs: tuple[float, float]) -> int:
    """Return the first input value from its 16 bits: with or without sign, as it fits the values of the film.

    PS3.3 says that the sign is that of the input values, but one VR holds all three values of the descriptor.
    """
    signed = code - CODES if code >= CODES // 2 else code
    likely, other = (signed, code) if inputs[0] < 0 else (code, signed)
    overlaps = [first <= inputs[1] and first + count > inputs[0] for first in (likely, other)]
    return other if overlaps == [False, True] else likely


def _read_data(item: Dataset, dataset: Dataset) -> bytes:
    """Return LUT Data as bytes, words in little endian."""
    tag = Tag("LUTData")
    if tag not in item:
        return b""
    element = item.get_item(tag)
    value: Any = element.value
    if isinstance(element, RawDataElement):
        little, value = element.is_little_endian, value or b""
    else:
        little = getattr(dataset, "original_encoding", (None, True))[1] is not False
    if not isinstance(value, bytes | bytearray):
        numbers = [value] if isinstance(value, int) else list(value or ())
        return (np.asarray(numbers, dtype=np.int64) % CODES).astype("<u2").tobytes()
    if little or element.VR == "OB":
        return bytes(value)
    return np.frombuffer(value[: len(value) // 2 * 2], dtype=">u2").astype("<u2").tobytes()
