"""Conversion of stored values to the film's units and to brightness, by the :class:`GreyRules` of a DICOM film.

The order of the operations and their float64 arithmetic are those of pydicom 3.0 (``apply_modality_lut`` and
``apply_voi_lut``): the shipped models were evaluated on films decoded by it, so no grey level may move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.decoding.grey_levels import BLOCK_PIXELS
from ml.decoding.grey_rules import LINEAR, SIGMOID, GreyRules, LookupTable

Values = NDArray[Any]  # of any numeric type and any shape


def drop_unused_bits(stored: Values, bits: int) -> Values:
    """Drop the bits above the lowest ``bits``, which may hold anything (PS3.5 8.1.1), and extend the sign."""
    unused = max(0, 8 * stored.dtype.itemsize - bits)
    return np.asarray(stored << unused >> unused) if unused else stored


def is_padding(rules: GreyRules, stored: Values) -> NDArray[np.bool_]:
    """Return which stored values are padding: bool of their shape."""
    if rules.padding is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    low, high = rules.padding
    return np.asarray((stored >= low) & (stored <= high))


def to_units(rules: GreyRules, stored: Values) -> Values:
    """Apply the modality LUT or the rescale: stored values to the film's own units, of the same shape."""
    if rules.modality_table is not None:
        return _look_up(stored, rules.modality_table, stored.dtype)
    if rules.rescale is not None:
        return stored.astype(np.float64) * rules.rescale.slope + rules.rescale.intercept
    return stored


def apply_voi(rules: GreyRules, units: Values) -> Float64Array:
    """Apply the VOI LUT, else the first window: the film's own units to brightness before inversion.

    Args:
        rules: of the film.
        units: of any shape, as :func:`to_units` gives them.

    Raises:
        ValueError: when there is a window, but the film is neither MONOCHROME1 nor MONOCHROME2.
    """
    if rules.voi_table is not None:
        return _look_up(units, rules.voi_table, rules.voi_table.entries.dtype).astype(np.float64)
    if rules.windows:
        return _apply_window(rules, units.astype(np.float64))
    return units.astype(np.float64)


def to_brightness(rules: GreyRules, stored: Values, occurs: NDArray[np.bool_]) -> Float32Array:
    """Apply all rules: stored values to brightness.

    Args:
        rules: of the film.
        stored: of any shape.
        occurs: of the same shape; whether a value occurs in the film. Only these determine minimum and maximum.

    Returns:
        float32 of the same shape. Padding is as dark as the darkest value of the film.
    """
    with np.errstate(invalid="ignore"):  # values that do not occur in the film may be out of range
        shown = apply_voi(rules, to_units(rules, stored))
    if rules.inverted:
        shown = shown[occurs].max() - shown
    outside = is_padding(rules, stored)
    if outside.any() and (inside := occurs & ~outside).any():
        shown = np.where(outside, shown[inside].min(), shown)
    return shown.astype(np.float32)


def _look_up(values: Values, table: LookupTable, index_type: np.dtype[Any]) -> Values:
    """Replace values by entries of a table; values beyond an end get the entry at that end.

    Places in the table wrap at the width of ``index_type``, as in pydicom.

    Raises:
        IndexError: when an entry that is needed is missing.
    """
    flat = values.reshape(-1)
    out = np.empty(flat.size, dtype=table.entries.dtype)
    for start in range(0, flat.size, BLOCK_PIXELS):
        part = flat[start : start + BLOCK_PIXELS]
        places = np.where(part >= table.first, part - np.float64(table.first), 0).astype(np.int64)
        places = places.astype(index_type).astype(np.int64).clip(0, table.declared - 1)
        out[start : start + BLOCK_PIXELS] = table.entries[places]
    return out.reshape(values.shape)


def _apply_window(rules: GreyRules, units: Float64Array) -> Float64Array:
    """Apply the first window (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if rules.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError("a window needs MONOCHROME1 or MONOCHROME2")
    low, high = _output_range(rules)
    window = rules.windows[0]
    centre, width = window.centre, window.width
    if rules.voi_function == SIGMOID:
        return np.asarray((high - low) / (1 + np.exp(-4 * (units - centre) / width)) + low)
    if rules.voi_function == LINEAR:
        centre, width = centre - 0.5, width - 1
    below, above = units <= centre - width / 2, units > centre + width / 2
    between = ~below & ~above
    shown = np.where(above, high, low)
    shown[between] = ((units[between] - centre) / width + 0.5) * (high - low) + low
    return shown


def _output_range(rules: GreyRules) -> tuple[float, float]:
    """Return the brightness of the darkest and of the brightest end of a window."""
    if rules.modality_table is not None:
        low, high = 0, (1 << rules.modality_table.bits) - 1  # unsigned, PS3.3 C.11.1.1.1
    elif rules.signed:
        low, high = -(1 << (rules.bits_stored - 1)), (1 << (rules.bits_stored - 1)) - 1
    else:
        low, high = 0, (1 << rules.bits_stored) - 1
    if rules.rescale is None:
        return float(low), float(high)
    slope, intercept = rules.rescale.slope, rules.rescale.intercept
    return low * slope + intercept, high * slope + intercept
